#include "config/reference.hpp"

#include "config/restart.hpp"
#include "config/settings.hpp"

#include <fmt/core.h>

#include <vector>

namespace posthorn::config {
namespace {

constexpr std::size_t width = 100;

/// A table of the file with what stands directly in it.
struct Section {
  std::string path;  ///< empty: outside the tables
  std::string explanation;
  bool is_repeated = false;
  std::vector<SettingFacts> settings;

  [[nodiscard]] std::string heading() const {
    if (path.empty()) return "Outside the tables";
    return is_repeated ? "[[" + path + "]]" : "[" + path + "]";
  }
};

void add_sections(const SettingFacts& table, const std::string& path, std::vector<Section>& sections) {
  Section section{path, table.explanation, table.is_repeated, {}};
  for (const auto& setting : table.below) {
    if (!setting.is_table) section.settings.push_back(setting);
  }
  sections.push_back(std::move(section));
  for (const auto& setting : table.below) {
    const auto below = path.empty() ? setting.name : path + "." + setting.name;
    if (setting.is_table) add_sections(setting, below, sections);
  }
}

std::vector<Section> all_sections() {
  SettingFacts root;
  root.below = configuration_kind().settings;
  root.explanation = "They stand at the top of the file.";
  std::vector<Section> sections;
  add_sections(root, "", sections);
  return sections;
}

std::string default_of(const SettingFacts& setting) {
  return setting.default_words.empty() ? setting.default_value : setting.default_words;
}

std::string meaning_of(const Section& section, const SettingFacts& setting) {
  auto text = setting.explanation;
  if (needs_restart(section.path.empty() ? setting.name : section.path + "." + setting.name)) {
    text += " A change needs a restart.";
  }
  return setting.since == first_version ? text : fmt::format("{} (Since {}.)", text, setting.since);
}

/// The text in lines of at most `width` octets, each behind `prefix`.
std::string wrapped(std::string_view text, std::string_view prefix) {
  std::string lines;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (column != 0 && column + 1 + word.size() > width) {
      lines += '\n';
      column = 0;
    }
    lines += column == 0 ? prefix : " ";
    column = (column == 0 ? prefix.size() : column + 1) + word.size();
    lines += word;
  }
  return lines + "\n";
}

/// For a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string text_of(const Section& section) {
  auto text = fmt::format("{}\n{}", section.heading(), wrapped(section.explanation, "  "));
  for (const auto& setting : section.settings) {
    text += fmt::format("\n  {}\n      {}; default: {}\n", setting.name, setting.kind, default_of(setting));
    text += wrapped(meaning_of(section, setting), "      ");
  }
  return text;
}

std::string markdown_of(const Section& section) {
  const auto heading = section.path.empty() ? section.heading() : "`" + section.heading() + "`";
  auto text = fmt::format("\n## {}\n\n{}\n", heading, cell(section.explanation));
  if (section.settings.empty()) return text;
  text += "\n| key | what it is | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const auto& setting : section.settings) {
    const auto fallback = setting.default_words.empty() ? "`" + setting.default_value + "`" : setting.default_words;
    text += fmt::format("| `{}` | {} | {} | {} |\n", setting.name, cell(setting.kind), fallback,
                        cell(meaning_of(section, setting)));
  }
  return text;
}

std::string toml_of(const Section& section) {
  std::string text;
  if (!section.path.empty()) text += "\n" + wrapped(section.explanation, "# ");
  if (!section.path.empty()) text += (section.is_repeated ? "#" : "") + section.heading() + "\n";
  for (const auto& setting : section.settings) {
    text += "\n" + wrapped(meaning_of(section, setting), "# ");
    if (!setting.default_words.empty()) text += wrapped("Default: " + setting.default_words + ".", "# ");
    text += fmt::format("#{} = {}\n", setting.name, setting.example.empty() ? setting.default_value : setting.example);
  }
  return text;
}

}  // namespace

std::optional<std::string> settings_as_text(std::string_view table) {
  std::string text;
  for (const auto& section : all_sections()) {
    if (!table.empty() && section.path != table) continue;
    if (!text.empty()) text += "\n";
    text += text_of(section);
  }
  return text.empty() ? std::nullopt : std::optional{text};
}

std::string settings_as_markdown() {
  std::string text =
      "# The settings\n\n"
      "Made by `make docs` from the program itself; do not edit.\n\n"
      "The configuration is TOML: `-c FILE`, else `$POSTHORN_CONFIG`, else `/etc/posthorn/posthorn.toml`. Every key "
      "has a\n"
      "default, and an empty file is a working, safe server. Durations are written `\"30s\"`, `\"20m\"`, `\"1h30m\"`, "
      "`\"5d\"`, "
      "sizes\n`\"500B\"`, `\"64KiB\"`, `\"25MiB\"`. `posthorn check` names the line and column of each fault.\n"
      "A running server reads the file again at SIGHUP (`systemctl reload posthorn`), and what it says counts for all "
      "that\n"
      "begins from then on. A change that needs a restart is named in the log, and then nothing of the file counts "
      "until it "
      "is\nrestarted.\n";
  for (const auto& section : all_sections()) text += markdown_of(section);
  return text;
}

std::string settings_as_toml() {
  std::string text =
      "# Every setting of Posthorn with its default. Lines without effect start with \"#\".\n"
      "# Made by \"posthorn help settings --toml\"; check yours with \"posthorn check -c FILE\".\n";
  for (const auto& section : all_sections()) text += toml_of(section);
  return text;
}

}  // namespace posthorn::config
