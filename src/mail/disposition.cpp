#include "mail/disposition.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace posthorn::mail {
namespace {

constexpr std::size_t longest_name = 200;

/// RFC 2231 §4: an octet as it may stand in an extended parameter.
std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view marks = "-._";
  std::string out;
  for (const char c : text) {
    out += ascii::is_letter_or_digit(c) || marks.contains(c) ? std::string(1, c)
                                                             : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

/// RFC 2183 §2.3: the name a file is offered under; empty: none that can be given.
std::string file_name_parameter(std::string_view name) {
  if (name.empty() || !utf8::is_valid(name)) return {};
  name = utf8::prefix(name, longest_name);
  const bool is_plain =
      std::ranges::all_of(name, [](char c) { return ascii::is_printable(c) && c != '"' && c != '\\' && c != '/'; });
  if (is_plain) return fmt::format(";\r\n filename=\"{}\"", name);
  return fmt::format(";\r\n filename*=utf-8''{}", percent_encoded(name));
}

}  // namespace

std::string attachment_disposition(std::string_view name) { return "attachment" + file_name_parameter(name); }

}  // namespace posthorn::mail
