// posthorn probe: does this mail server work?
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_probe(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
