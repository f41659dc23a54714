// `posthorn serve`: the mail server, in the foreground.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_serve(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
