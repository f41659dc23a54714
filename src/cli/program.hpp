// The program as a whole: finds the command that was asked for (by argv[0] or the first argument) and runs it.
#pragma once

namespace posthorn::cli {

/// Returns the exit status (sysexits(3)).
int run_program(int argc, char** argv);

}  // namespace posthorn::cli
