#include "cli/program.hpp"

#include "cli/command.hpp"
#include "cli/help_command.hpp"

#include <vector>

namespace posthorn::cli {
namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

ExitStatus run_first_word(std::span<const std::string> arguments, Console& console) {
  if (arguments.empty()) {
    console.remark("{}", help_text());
    return ExitStatus::usage;
  }
  const auto& word = arguments.front();
  if (word == "--version" || word == "-V") {
    console.print("posthorn {}\n", version);
    return ExitStatus::ok;
  }
  if (word == "--help" || word == "-h") {
    console.print("{}", help_text());
    return ExitStatus::ok;
  }
  const auto* command = find_command(word);
  if (command == nullptr) return refuse_command(word, console);
  return command->run({"posthorn " + word, {arguments.begin() + 1, arguments.end()}}, console);
}

/// sendmail, mailq and newaliases are links to the program; every other name is its own.
ExitStatus run_named(std::span<const std::string> words, Console& console) {
  if (words.empty()) return run_first_word({}, console);
  const std::string name(base_name(words.front()));
  const auto* command = find_command(name);
  if (command != nullptr && command->has_own_name) {
    return command->run({name, {words.begin() + 1, words.end()}}, console);
  }
  return run_first_word(words.subspan(1), console);
}

}  // namespace

int run_program(std::span<const std::string> words, Console& console) {
  auto status = run_named(words, console);
  if (!console.flush() && status == ExitStatus::ok) {
    console.complain("standard output could not be written");
    status = ExitStatus::io_fault;
  }
  return static_cast<int>(status);
}

int run_program(int argc, char** argv) {
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  const std::vector<std::string> words(arguments.begin(), arguments.end());
  auto console = Console::standard();
  return run_program(words, console);
}

}  // namespace posthorn::cli
