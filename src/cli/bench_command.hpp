// posthorn bench source|sink: a load generator and a server that takes everything, to measure mail servers with.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_bench(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
