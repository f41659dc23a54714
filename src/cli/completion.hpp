// Completions for shells, from what the commands know of themselves.
#pragma once

#include "cli/command_description.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::cli {

/// The script for "bash", "zsh" or "fish"; none for another shell.
[[nodiscard]] std::optional<std::string> completion_for(std::string_view shell);

/// What the command of that name says of itself; nothing for a command that takes no options.
[[nodiscard]] CommandDescription description_of(std::string_view command);

}  // namespace posthorn::cli
