#include "cli/command.hpp"
#include "cli/help_command.hpp"
#include "cli/serve_command.hpp"

#include <algorithm>
#include <array>

namespace posthorn::cli {
namespace {

constexpr std::array commands{
    Command{"serve", "the mail server, in the foreground", &run_serve},
    Command{"help", "this list, or the help of one command", &run_help},
};

}  // namespace

std::span<const Command> all_commands() { return commands; }

const Command* find_command(std::string_view name) {
  const auto* found = std::ranges::find(commands, name, &Command::name);
  return found == commands.end() ? nullptr : found;
}

}  // namespace posthorn::cli
