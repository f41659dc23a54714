#include "cli/manual_page.hpp"

#include "cli/command.hpp"
#include "cli/program.hpp"
#include "config/reference.hpp"

#include <fmt/format.h>

#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::string_view date = "2026-11-29";

/// As text: nothing in it is a request or an escape.
std::string escaped(std::string_view text) {
  std::string out;
  bool at_line_start = true;
  for (const char c : text) {
    if (at_line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    at_line_start = c == '\n';
  }
  return out;
}

/// An argument of a macro.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : escaped(text)) out += c == '"' ? std::string("\\(dq") : std::string(1, c);
  return out += '"';
}

std::string title(std::string_view name, int section) {
  return fmt::format(".TH {} {} \"{}\" {} {}\n", quoted(name), section, date,
                     quoted(fmt::format("posthorn {}", version)), quoted("Posthorn"));
}

/// Lines that are indented stay as they are; an empty line parts paragraphs.
std::string paragraphs(std::string_view text) {
  std::string out;
  bool in_example = false;
  const auto end_example = [&] {
    if (std::exchange(in_example, false)) out += ".EE\n.RE\n";
  };
  bool wants_paragraph = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with("  ")) {
      if (!std::exchange(in_example, true)) out += ".RS 4\n.EX\n";
      out += escaped(line.substr(2)) + "\n";
      wants_paragraph = true;
      continue;
    }
    end_example();
    if (line.empty()) {
      wants_paragraph = true;
      continue;
    }
    if (std::exchange(wants_paragraph, false) && !out.empty()) out += ".PP\n";
    out += escaped(line) + "\n";
  }
  end_example();
  return out;
}

std::string names_of(const OptionDescription& option) {
  std::string names;
  for (const auto& name : option.names) names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", escaped(name));
  if (!option.value.empty()) names += fmt::format(" \\fI{}\\fR", escaped(option.value));
  return names;
}

std::string list_of(const std::vector<OptionDescription>& options) {
  std::string out;
  for (const auto& option : options) {
    const auto usual = option.usual.empty() ? std::string{} : fmt::format(" Default: {}.", option.usual);
    out += fmt::format(".TP\n{}\n{}\n", names_of(option), escaped(option.text + (usual.empty() ? "" : "." + usual)));
  }
  return out;
}

std::string synopsis(const CommandDescription& description) {
  std::string out = fmt::format(".B {}\n", quoted(description.called));
  if (!description.options.empty()) out += "[\\fIOPTIONS\\fR]\n";
  for (const auto& word : description.words) {
    const auto name = fmt::format("\\fI{}\\fR", escaped(word.names.front()));
    out += word.is_required ? name + "\n" : "[" + name + "]\n";
  }
  return out;
}

void add_command(const CommandDescription& description, std::string& out) {
  if (!description.words.empty()) out += ".SH ARGUMENTS\n" + list_of(description.words);
  if (!description.options.empty()) out += ".SH OPTIONS\n" + list_of(description.options);
  if (description.below.empty()) return;
  out += ".SH COMMANDS\n";
  for (const auto& below : description.below) {
    out += fmt::format(".SS {}\n{}\n{}{}", quoted(below.called), escaped(below.purpose), list_of(below.words),
                       list_of(below.options));
  }
}

constexpr std::string_view see_also_words = "posthorn(1), posthorn.toml(5)";

}  // namespace

std::string manual_name(std::string_view command) {
  const auto* known = find_command(command);
  return known != nullptr && known->has_own_name ? std::string(command) : fmt::format("posthorn-{}", command);
}

std::string manual_page(std::string_view command, std::string_view sentence, const CommandDescription& description) {
  const auto name = manual_name(command);
  auto out = title(name, 1);
  out += fmt::format(".SH NAME\n{} \\- {}\n", escaped(name), escaped(sentence));
  out += ".SH SYNOPSIS\n" + synopsis(description);
  out += ".SH DESCRIPTION\n" + paragraphs(description.purpose);
  add_command(description, out);
  if (!description.ending.empty()) out += ".SH NOTES\n" + paragraphs(description.ending);
  return out + fmt::format(".SH SEE ALSO\n{}\n", escaped(see_also_words));
}

std::string manual_overview() {
  auto out = title("posthorn", 1);
  out +=
      ".SH NAME\nposthorn \\- a mail transfer agent\n.SH SYNOPSIS\n.B posthorn\n\\fICOMMAND\\fR\n[\\fIOPTIONS\\fR]\n";
  out +=
      ".SH DESCRIPTION\nAn SMTP server, a durable queue, a relay, and the client tools that go with them, in one "
      "program.\n.SH COMMANDS\n";
  for (const auto& command : all_commands()) {
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", escaped(command.name), escaped(command.sentence));
  }
  out +=
      ".SH EXIT STATUS\nAs in sysexits(3): 0 done, 64 wrong usage, 65 bad data, 66 no input, 68 no host, 69 "
      "unavailable, 75 try again later, "
      "76 the other side broke the protocol, 77 no permission, 78 bad configuration.\n";
  out +=
      ".SH ENVIRONMENT\n.TP\n\\fBPOSTHORN_CONFIG\\fR\nThe configuration file, where no option names "
      "one.\n.TP\n\\fBNO_COLOR\\fR\nNo colour, whatever "
      "the terminal can do.\n";
  out +=
      ".SH FILES\n.TP\n\\fI/etc/posthorn/posthorn.toml\\fR\nThe configuration.\n.TP\n\\fI/var/lib/posthorn\\fR\nThe "
      "spool and everything that must "
      "survive.\n.SH SEE ALSO\n";
  std::string names;
  for (const auto& command : all_commands())
    names += fmt::format("{}{}(1)", names.empty() ? "" : ", ", manual_name(command.name));
  return out + escaped(names + ", posthorn.toml(5)") + "\n";
}

std::string manual_of_settings() {
  auto out = title("posthorn.toml", 5);
  out += ".SH NAME\nposthorn.toml \\- the configuration of the mail server posthorn\n.SH DESCRIPTION\n";
  out += "TOML. Every key has a default; an empty file is a working, safe server.\n.PP\n.EX\n";
  return out + escaped(*config::settings_as_text("")) +
         ".EE\n.SH SEE ALSO\nposthorn(1), posthorn\\-serve(1), posthorn\\-check(1)\n";
}

}  // namespace posthorn::cli
