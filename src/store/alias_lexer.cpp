#include "store/alias_lexer.hpp"

#include "base/ascii.hpp"

#include <algorithm>

namespace posthorn::store {
namespace {

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::vector<LogicalLine> logical_lines_of(std::string_view text) {
  std::vector<LogicalLine> lines;
  for (unsigned number = 1; !text.empty(); ++number) {
    const auto line = take_line(text);
    const auto content = ascii::trim(line);
    if (content.empty() || content.starts_with('#')) continue;
    if (ascii::is_blank(line.front()) && !lines.empty()) {
      lines.back().text.append(" ").append(content);
    } else {
      lines.push_back({std::string(content), number});
    }
  }
  return lines;
}

std::size_t find_unquoted(std::string_view text, char wanted) {
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      is_quoted = !is_quoted;
    } else if (text[i] == wanted && !is_quoted) {
      return i;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const auto comma = find_unquoted(text, ',');
    const auto piece = ascii::trim(text.substr(0, comma));
    if (!piece.empty()) pieces.push_back(piece);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return pieces;
}

std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string meaning;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '"') return std::string(text);  // it ends before: "a"@b or "a" "b"
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    meaning += text[i];
  }
  return meaning;
}

}  // namespace posthorn::store
