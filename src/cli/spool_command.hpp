// `posthorn spool verify|dump`: checks and shows the spool of a stopped server; never changes it.
// 0: whole; 65: damaged, each damage named by file and offset; 66: there is no spool; 75: a server runs.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_spool(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
