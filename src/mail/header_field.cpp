#include "mail/header_field.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"

namespace posthorn::mail {
namespace {

/// RFC 5322 §2.2: ftext.
bool is_name_character(char c) { return c > ' ' && c < 0x7f && c != ':'; }

/// The length of the first line with its line end.
std::size_t line_length(std::string_view text) {
  const auto line_end = text.find('\n');
  return line_end == std::string_view::npos ? text.size() : line_end + 1;
}

bool is_empty_line(std::string_view text) { return text.starts_with('\n') || text.starts_with("\r\n"); }

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

HeaderField field_in(std::string_view raw) {
  Scanner scanner(raw);
  const auto name = scanner.take_while(is_name_character);
  scanner.take_while(ascii::is_blank);
  if (name.empty() || !scanner.take(':')) return {.name = {}, .value = {}, .raw = raw};
  return {.name = name, .value = without_line_end(scanner.rest()), .raw = raw};
}

}  // namespace

bool HeaderField::is(std::string_view wanted) const { return ascii::same_word(name, wanted); }

std::optional<HeaderField> HeaderReader::next() {
  if (ended_ || rest_.empty()) return std::nullopt;
  if (is_empty_line(rest_)) {
    rest_.remove_prefix(line_length(rest_));
    ended_ = true;
    return std::nullopt;
  }
  auto length = line_length(rest_);
  while (length < rest_.size() && ascii::is_blank(rest_[length])) length += line_length(rest_.substr(length));
  const auto raw = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return field_in(raw);
}

std::string unfolded(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c != '\r' && c != '\n') out += c;
  }
  return std::string(ascii::trim(out));
}

}  // namespace posthorn::mail
