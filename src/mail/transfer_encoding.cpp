#include "mail/transfer_encoding.hpp"

#include "base/ascii.hpp"
#include "base/base64.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace posthorn::mail {
namespace {

constexpr std::size_t line_octets = 76;  // RFC 2045 §6.7 rule 5, §6.8

/// RFC 2045 §6.7 rules 1 to 3: the octet, or "=" and two digits. A blank may not end a line.
std::string quoted(char c, bool ends_line) {
  const bool as_it_is = (ascii::is_printable(c) && c != '=' && c != ' ') || (ascii::is_blank(c) && !ends_line);
  return as_it_is ? std::string(1, c) : fmt::format("={:02X}", static_cast<unsigned char>(c));
}

/// One line of the text, without its CRLF, as one or more lines. `goes_on`: a soft break will follow.
void append_quoted_line(std::string& out, std::string_view line, bool goes_on = false) {
  std::size_t column = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool is_last = !goes_on && i + 1 == line.size();
    const auto octet = quoted(line[i], is_last);
    // RFC 2045 §6.7 rule 5: every line but the last keeps a place for the "=" of the soft break.
    if (column + octet.size() > line_octets - (is_last ? 0 : 1)) {
      out += "=\r\n";
      column = 0;
    }
    out += octet;
    column += octet.size();
  }
}

}  // namespace

std::string encode_quoted_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const auto line_end = text.find("\r\n");
    append_quoted_line(out, text.substr(0, line_end));
    if (line_end == std::string_view::npos) break;
    out += "\r\n";
    text.remove_prefix(line_end + 2);
  }
  return out;
}

void append_quoted_piece(std::string& out, std::string_view piece) {
  append_quoted_line(out, piece, true);
  out += "=\r\n";
}

std::string encode_base64_lines(std::string_view octets) {
  constexpr std::size_t octets_of_line = line_octets / 4 * 3;
  std::string out;
  out.reserve(octets.size() / octets_of_line * (line_octets + 2) + line_octets + 2);
  while (!octets.empty()) {
    const auto line = octets.substr(0, octets_of_line);
    out += base64::encode(line);
    out += "\r\n";
    octets.remove_prefix(line.size());
  }
  return out;
}

}  // namespace posthorn::mail
