// posthorn sim: the whole server in a simulated world, one run per seed. A run that fails is named with its seed and its
// trace; the same seed gives the same run again.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

[[nodiscard]] ExitStatus run_sim(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
