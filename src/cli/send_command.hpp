// posthorn send: one file, one mail, one server.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_send(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
