// The program as a whole: finds the command that was asked for (by argv[0] or the first argument) and runs it.
#pragma once

#include "cli/console.hpp"

#include <span>
#include <string>
#include <string_view>

namespace posthorn::cli {

inline constexpr std::string_view version = POSTHORN_VERSION;

/// Returns the exit status (sysexits(3)).
int run_program(int argc, char** argv);

/// The same with words: the name the program was called by, then the arguments.
int run_program(std::span<const std::string> words, Console& console);

}  // namespace posthorn::cli
