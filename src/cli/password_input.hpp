// Where a command gets a password from: a file, standard input, or a person at the terminal, who does not see it typed.
// Never from the command line, which every process of the machine can read.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "cli/console.hpp"

#include <string>

namespace posthorn::cli {

/// The first line of the file; "-" is standard input.
[[nodiscard]] Result<Secret> read_password_file(const std::string& path);

/// Asks at the terminal, twice, for a new password of `whose`; without a terminal, the first line of standard input.
[[nodiscard]] Result<Secret> ask_new_password(Console& console, const std::string& whose);

}  // namespace posthorn::cli
