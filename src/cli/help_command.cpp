#include "cli/help_command.hpp"

#include "cli/completion.hpp"
#include "cli/manual_page.hpp"
#include "cli/program.hpp"
#include "config/nearest_word.hpp"
#include "config/reference.hpp"

#include <algorithm>

namespace posthorn::cli {
namespace {

ExitStatus help_with_settings(const std::vector<std::string>& words, Console& console) {
  const auto word = words.empty() ? std::string{} : words.front();
  if (word == "--markdown") {
    console.print("{}", config::settings_as_markdown());
  } else if (word == "--toml") {
    console.print("{}", config::settings_as_toml());
  } else if (const auto text = config::settings_as_text(word)) {
    console.print("{}", *text);
  } else {
    console.complain("there is no such table of settings; \"posthorn help settings\" shows all");
    return ExitStatus::usage;
  }
  return ExitStatus::ok;
}

ExitStatus print_manual(const std::vector<std::string>& words, Console& console) {
  if (words.size() < 2 || words[1] == "posthorn") {
    console.print("{}", manual_overview());
  } else if (words[1] == "settings") {
    console.print("{}", manual_of_settings());
  } else if (const auto* command = find_command(words[1])) {
    console.print("{}", manual_page(command->name, command->sentence, description_of(command->name)));
  } else {
    return refuse_command(words[1], console);
  }
  return ExitStatus::ok;
}

ExitStatus print_completion(const std::vector<std::string>& words, Console& console) {
  const auto script = words.size() > 1 ? completion_for(words[1]) : std::nullopt;
  if (script) console.print("{}", *script);
  if (script) return ExitStatus::ok;
  console.complain("completions are made for bash, zsh and fish");
  return ExitStatus::usage;
}

}  // namespace

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
  const auto& words = invocation.arguments;
  if (invocation.description != nullptr) {
    invocation.description->purpose =
        "Lists the commands, or shows the help of one, or the settings of the configuration (settings [TABLE]). For "
        "packages: "
        "--man [COMMAND|settings] prints a manual page, --completion SHELL a completion for bash, zsh or fish.";
    invocation.description->words = {
        {.names = {"COMMAND"}, .value = {}, .text = "a command, or settings", .usual = {}}};
    invocation.description->options = {{.names = {"--man"},
                                        .value = "COMMAND",
                                        .text = "print the manual page of a command, of posthorn, or of the settings",
                                        .usual = {}},
                                       {.names = {"--completion"},
                                        .value = "SHELL",
                                        .text = "print the completion for bash, zsh or fish",
                                        .usual = {}}};
    return ExitStatus::ok;
  }
  if (!words.empty() && words.front() == "--man") return print_manual(words, console);
  if (!words.empty() && words.front() == "--completion") return print_completion(words, console);
  if (words.empty() || words.front().starts_with('-')) {
    console.print("{}", help_text());
    return ExitStatus::ok;
  }
  if (words.front() == "settings") return help_with_settings({words.begin() + 1, words.end()}, console);
  const auto* command = find_command(words.front());
  if (command == nullptr) return refuse_command(words.front(), console);
  if (command->run != &run_help) return command->run({"posthorn " + words.front(), {"--help"}}, console);
  console.print("{}", help_text());
  return ExitStatus::ok;
}

}  // namespace posthorn::cli
