#include "mail/line_ends.hpp"

namespace posthorn::mail {

bool has_bare_line_end(std::string_view text) {
  for (auto at = text.find_first_of("\r\n"); at != std::string_view::npos; at = text.find_first_of("\r\n", at + 2)) {
    if (!text.substr(at).starts_with("\r\n")) return true;
  }
  return false;
}

bool has_long_line(std::string_view text) {
  while (text.size() > max_line_octets) {
    const auto line_end = text.find("\r\n");
    if (line_end == std::string_view::npos || line_end > max_line_octets) return true;
    text.remove_prefix(line_end + 2);
  }
  return false;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  while (!text.empty()) {
    const auto line_end = text.find_first_of("\r\n");
    out += text.substr(0, line_end);
    out += "\r\n";
    if (line_end == std::string_view::npos) break;
    text.remove_prefix(line_end);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : 1);
  }
  return out;
}

}  // namespace posthorn::mail
