// `posthorn check`: is this configuration good? Names file, line, column and key of each fault, and warns of what may be
// regretted. Ends with 78 when there is a fault.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_check(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
