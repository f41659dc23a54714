// A command of the program: a name, a sentence, a function. cli/commands.cpp lists them all.
#pragma once

#include "cli/console.hpp"
#include "cli/exit_status.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::cli {

struct CommandDescription;

/// What the user typed, split into the command's name and what follows it.
struct Invocation {
  std::string called;                  ///< as usage texts name it: "posthorn check", or "mailq"
  std::vector<std::string> arguments;  ///< after the name
  /// Not to be run but described: whoever reads the arguments fills this in instead.
  CommandDescription* description = nullptr;
};

struct Command {
  std::string_view name;
  std::string_view sentence;  ///< for `posthorn help`: what it is for, no final dot
  ExitStatus (*run)(const Invocation&, Console&);
  bool has_own_name = false;  ///< also runs when the program is called by this name (argv[0])
};

/// Every command there is, in the order of `posthorn help`.
[[nodiscard]] std::span<const Command> all_commands();

/// The command of that name, or nullptr.
[[nodiscard]] const Command* find_command(std::string_view name);

}  // namespace posthorn::cli
