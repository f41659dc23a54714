// `posthorn user add|remove|list`: the users file of the configuration. A running server takes a change up by itself.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_user(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
