#include "cli/help_command.hpp"

#include "cli/program.hpp"
#include "config/nearest_word.hpp"

#include <algorithm>

namespace posthorn::cli {

std::string help_text() {
  std::size_t width = 0;
  for (const auto& command : all_commands()) width = std::max(width, command.name.size());
  auto text = fmt::format("posthorn {}: a mail transfer agent\n\nusage: posthorn COMMAND [OPTIONS]\n\n", version);
  for (const auto& command : all_commands()) {
    text += fmt::format("  {:<{}}  {}\n", command.name, width, command.sentence);
  }
  return text + "\n\"posthorn COMMAND --help\" tells more; \"posthorn --version\" the version.\n";
}

ExitStatus refuse_command(std::string_view name, Console& console) {
  std::vector<std::string_view> names;
  for (const auto& command : all_commands()) names.push_back(command.name);
  const auto meant = config::nearest_word(name, names);
  if (meant) {
    console.complain("there is no such command; did you mean \"posthorn {}\"?", *meant);
  } else {
    console.complain("there is no such command; \"posthorn help\" lists them");
  }
  return ExitStatus::usage;
}

ExitStatus run_help(const Invocation& invocation, Console& console) {
  if (invocation.arguments.empty() || invocation.arguments.front().starts_with('-')) {
    console.print("{}", help_text());
    return ExitStatus::ok;
  }
  const auto& name = invocation.arguments.front();
  const auto* command = find_command(name);
  if (command == nullptr) return refuse_command(name, console);
  if (command->run == &run_help) {
    console.print("{}", help_text());
    return ExitStatus::ok;
  }
  return command->run({"posthorn " + name, {"--help"}}, console);
}

}  // namespace posthorn::cli
