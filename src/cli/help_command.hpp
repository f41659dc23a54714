// `posthorn help [COMMAND]`: what there is, or what a command takes. `posthorn help settings [TABLE]`: every setting, from
// the description that the reader uses; with --markdown the page of the documentation, with --toml the example file.
#pragma once

#include "cli/command.hpp"

#include <string>

namespace posthorn::cli {

ExitStatus run_help(const Invocation& invocation, Console& console);

/// The list of commands, as `posthorn help` prints it.
[[nodiscard]] std::string help_text();

/// Says on standard error that there is no such command and which one was perhaps meant.
ExitStatus refuse_command(std::string_view name, Console& console);

}  // namespace posthorn::cli
