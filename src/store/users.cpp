#include "store/users.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::size_t longest_line = 4096;

/// One line of the file, cut at its colons. Views into the text.
struct Line {
  std::string_view whole;    ///< with its line end
  std::string_view content;  ///< without
  std::string_view name;
  std::string_view hash;
  bool has_hash = false;  ///< there is a place for one, be it empty
  unsigned number = 0;
  bool says_something = false;  ///< neither empty nor a comment
};

Line read_line(std::string_view whole, unsigned number) {
  auto text = whole;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  Line line;
  line.whole = whole;
  line.content = text;
  line.number = number;
  line.says_something = !ascii::trim(text).empty() && !ascii::trim(text).starts_with('#');
  const auto colon = text.find(':');
  line.name = ascii::trim(text.substr(0, colon));
  line.has_hash = colon != std::string_view::npos;
  if (line.has_hash) line.hash = text.substr(colon + 1, text.find(':', colon + 1) - colon - 1);
  return line;
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(read_line(text.substr(0, end), static_cast<unsigned>(lines.size()) + 1));
    text.remove_prefix(end);
  }
  return lines;
}

/// The name, or why the line cannot be used.
Result<mail::UserName> judge(const Line& line) {
  if (line.whole.size() > longest_line) return failure(Error::Kind::invalid, "the line is longer than 4096 octets");
  const auto has_control = [](std::string_view text) { return std::ranges::any_of(text, ascii::is_control); };
  if (has_control(line.hash)) return failure(Error::Kind::invalid, "the hash has a control character in it");
  return mail::UserName::parse(line.name);
}

std::optional<Line> find_line(std::string_view text, const mail::UserName& name) {
  for (const auto& line : lines_of(text)) {
    if (!line.says_something) continue;
    const auto known = judge(line);
    if (known && *known == name) return line;
  }
  return std::nullopt;
}

Result<> check_hash(const Secret& hash) {
  const auto text = hash.reveal();
  if (text.contains(':') || std::ranges::any_of(text, ascii::is_control)) {
    return failure(Error::Kind::invalid, "a hash may hold neither colons nor control characters");
  }
  return {};
}

std::unexpected<Error> no_such_user(const mail::UserName& name) {
  return failure(Error::Kind::not_found, "there is no user " + name.text());
}

/// The text with `part`, which is a view into it, replaced.
std::string with_replaced(std::string_view text, std::string_view part, std::string_view replacement) {
  const auto before = static_cast<std::size_t>(part.data() - text.data());
  std::string result(text.substr(0, before));
  result += replacement;
  return result += text.substr(before + part.size());
}

}  // namespace

UserList parse_users(std::string_view text, const std::string& file) {
  UserList list;
  std::unordered_set<mail::UserName> seen;
  for (const auto& line : lines_of(text)) {
    if (!line.says_something) continue;
    auto name = judge(line);
    if (!name) {
      list.faults.push_back({file, line.number, std::move(name.error().text)});
    } else if (!seen.insert(*name).second) {
      list.faults.push_back(
          {file, line.number, "there is a line for " + name->text() + " already; this one is ignored"});
    } else {
      list.users.push_back({std::move(*name), Secret(std::string(line.hash)), line.number});
    }
  }
  return list;
}

std::string scheme_of(const Secret& hash) {
  const auto text = hash.reveal();
  if (text.empty()) return {};
  const auto end = text.find('}');
  if (!text.starts_with('{') || end == std::string_view::npos) return "CRYPT";
  return ascii::upper(text.substr(1, end - 1));
}

Result<std::string> with_user(std::string_view text, const mail::UserName& name, const Secret& hash) {
  if (auto good = check_hash(hash); !good) return failure(good.error());
  if (find_line(text, name)) return failure(Error::Kind::exists, "there is a user " + name.text() + " already");
  std::string result(text);
  if (!result.empty() && !result.ends_with('\n')) result += '\n';
  result += name.text();
  if (!hash.is_empty()) result.append(":").append(hash.reveal());
  return result += '\n';
}

Result<std::string> without_user(std::string_view text, const mail::UserName& name) {
  std::string rest;
  bool is_found = false;
  // Every line of that name: a second one, ignored so far, must not come to life.
  for (const auto& line : lines_of(text)) {
    const bool is_meant = line.says_something && judge(line) == name;
    is_found = is_found || is_meant;
    if (!is_meant) rest += line.whole;
  }
  if (!is_found) return no_such_user(name);
  return rest;
}

Result<std::string> with_hash(std::string_view text, const mail::UserName& name, const Secret& hash) {
  if (auto good = check_hash(hash); !good) return failure(good.error());
  const auto line = find_line(text, name);
  if (!line) return no_such_user(name);
  if (line->has_hash) return with_replaced(text, line->hash, hash.reveal());
  return with_replaced(text, line->content, std::string(line->name) + ":" + std::string(hash.reveal()));
}

}  // namespace posthorn::store
