#include "cli/completion.hpp"

#include "cli/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace posthorn::cli {
namespace {

/// One context in which words can be completed: "send", "queue list".
struct Context {
  std::string path;
  std::string sentence;
  CommandDescription description;
};

/// Options whose value is a file's name.
bool takes_file(const OptionDescription& option) {
  static constexpr std::array names{"--config", "--password-file", "--attach",    "--certificate", "--key",
                                    "--log",    "--users",         "--mail-root", "--socket",      "-C"};
  return std::ranges::any_of(option.names,
                             [](const std::string& name) { return std::ranges::find(names, name) != names.end(); });
}

std::vector<Context> all_contexts() {
  std::vector<Context> contexts;
  for (const auto& command : all_commands()) {
    auto description = description_of(command.name);
    const std::string path(command.name);
    contexts.push_back({path, std::string(command.sentence), description});
    for (const auto& below : description.below) {
      const auto name = below.called.substr(below.called.rfind(' ') + 1);
      contexts.push_back({path + " " + name, below.purpose, below});
    }
  }
  return contexts;
}

std::string words_of(const CommandDescription& description) {
  std::string words = "--help";
  for (const auto& option : description.options) {
    for (const auto& name : option.names) {
      if (name.find_first_of(" ,") == std::string::npos) words += " " + name;
    }
  }
  for (const auto& below : description.below) words += " " + below.called.substr(below.called.rfind(' ') + 1);
  return words;
}

std::string names_with_value(const std::vector<Context>& contexts, bool of_files) {
  std::vector<std::string> names;
  for (const auto& context : contexts) {
    for (const auto& option : context.description.options) {
      if (option.value.empty() || takes_file(option) != of_files) continue;
      names.insert(names.end(), option.names.begin(), option.names.end());
    }
  }
  std::ranges::sort(names);
  const auto [first, last] = std::ranges::unique(names);
  names.erase(first, last);
  std::string joined;
  for (const auto& name : names) {
    if (name.find_first_of(" ,") == std::string::npos) joined += (joined.empty() ? "" : "|") + name;
  }
  return joined;
}

std::string command_names() {
  std::string names = "--help --version";
  for (const auto& command : all_commands()) names += fmt::format(" {}", command.name);
  return names;
}

std::string for_bash() {
  const auto contexts = all_contexts();
  std::string out = "# bash completion for posthorn, made by \"posthorn help --completion bash\"\n_posthorn() {\n";
  out += "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} context= word words place\n";
  out +=
      "  for ((place = 1; place < COMP_CWORD; place++)); do\n    word=${COMP_WORDS[place]}\n    case \"$context "
      "$word\" in\n";
  for (const auto& context : contexts) {
    const auto space = context.path.find(' ');
    const auto outer = space == std::string::npos ? std::string{} : context.path.substr(0, space);
    const auto inner = space == std::string::npos ? context.path : context.path.substr(space + 1);
    out += fmt::format("      \"{} {}\") context=\"{}\" ;;\n", outer, inner, context.path);
  }
  out += "    esac\n  done\n  case $before in\n";
  out +=
      fmt::format("    {}) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n", names_with_value(contexts, true));
  out +=
      fmt::format("    {}) COMPREPLY=(); return ;;\n  esac\n  case $context in\n", names_with_value(contexts, false));
  for (const auto& context : contexts)
    out += fmt::format("    \"{}\") words=\"{}\" ;;\n", context.path, words_of(context.description));
  out += fmt::format("    *) words=\"{}\" ;;\n  esac\n", command_names());
  out += "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n";
  out +=
      "  if [[ $context && $current != -* && ! ${COMPREPLY[*]} ]]; then COMPREPLY=($(compgen -f -- \"$current\")); "
      "fi\n}\n";
  return out + "complete -o filenames -F _posthorn posthorn\n";
}

/// In single quotes, for zsh and fish.
std::string single_quoted(std::string_view text, std::string_view quote) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string(quote) : std::string(1, c);
  return out += '\'';
}

/// In _arguments and _describe a colon and brackets part things.
std::string for_zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_arguments(const CommandDescription& description) {
  std::string out;
  for (const auto& option : description.options) {
    for (const auto& name : option.names) {
      if (name.find_first_of(" ,") != std::string::npos) continue;
      const auto value = option.value.empty() ? "" : takes_file(option) ? ":file:_files" : ":value: ";
      out += fmt::format(" \\\n      {}",
                         single_quoted(fmt::format("{}[{}]{}", name, for_zsh_text(option.text), value), "'\\''"));
    }
  }
  return out;
}

std::string for_zsh() {
  std::string out =
      "#compdef posthorn\n# zsh completion for posthorn, made by \"posthorn help --completion zsh\"\n_posthorn() {\n";
  out += "  local -a commands\n  local context=${words[2]}\n  commands=(\n";
  for (const auto& command : all_commands()) {
    out += fmt::format("    {}\n",
                       single_quoted(fmt::format("{}:{}", command.name, for_zsh_text(command.sentence)), "'\\''"));
  }
  out += "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n  case $context in\n";
  for (const auto& command : all_commands()) {
    const auto description = description_of(command.name);
    out += fmt::format("    {})\n", command.name);
    if (!description.below.empty()) {
      out += "      local -a below\n      below=(";
      for (const auto& below : description.below) {
        const auto name = below.called.substr(below.called.rfind(' ') + 1);
        out += " " + single_quoted(fmt::format("{}:{}", name, for_zsh_text(below.purpose)), "'\\''");
      }
      out += ")\n      if (( CURRENT == 3 )); then _describe command below; fi\n";
    }
    auto arguments = zsh_arguments(description);
    for (const auto& below : description.below) arguments += zsh_arguments(below);
    out += fmt::format("      _arguments '--help[this text]'{} '*:file:_files' ;;\n", arguments);
  }
  return out + "  esac\n}\n_posthorn \"$@\"\n";
}

std::string fish_option(const std::string& condition, const OptionDescription& option) {
  std::string names;
  for (const auto& name : option.names) {
    if (name.find_first_of(" ,") != std::string::npos) continue;
    const bool is_long = name.starts_with("--");
    const auto bare = name.substr(is_long ? 2 : 1);
    names += fmt::format(" {} {}", is_long ? "-l" : bare.size() == 1 ? "-s" : "-o", bare);
  }
  if (names.empty()) return {};
  const auto value = option.value.empty() ? "" : takes_file(option) ? " -r -F" : " -x";
  return fmt::format("complete -c posthorn -n {}{}{} -d {}\n", single_quoted(condition, "\\'"), names, value,
                     single_quoted(option.text, "\\'"));
}

std::string for_fish() {
  std::string out = "# fish completion for posthorn, made by \"posthorn help --completion fish\"\n";
  for (const auto& context : all_contexts()) {
    const auto space = context.path.find(' ');
    const auto outer = context.path.substr(0, space);
    const bool is_below = space != std::string::npos;
    const auto name = is_below ? context.path.substr(space + 1) : outer;
    const auto place = is_below ? "__fish_seen_subcommand_from " + outer : std::string("__fish_use_subcommand");
    out += fmt::format("complete -c posthorn -n {} -a {} -d {}\n", single_quoted(place, "\\'"), name,
                       single_quoted(context.sentence, "\\'"));
    for (const auto& option : context.description.options)
      out += fish_option("__fish_seen_subcommand_from " + outer, option);
  }
  return out;
}

}  // namespace

CommandDescription description_of(std::string_view name) {
  CommandDescription description{
      .called = fmt::format("posthorn {}", name), .purpose = {}, .ending = {}, .words = {}, .options = {}, .below = {}};
  const auto* command = find_command(name);
  if (command == nullptr) return description;
  const auto called = command->has_own_name ? std::string(name) : description.called;
  auto console = Console::standard();
  static_cast<void>(command->run({called, {}, &description}, console));
  return description;
}

std::optional<std::string> completion_for(std::string_view shell) {
  if (shell == "bash") return for_bash();
  if (shell == "zsh") return for_zsh();
  if (shell == "fish") return for_fish();
  return std::nullopt;
}

}  // namespace posthorn::cli
