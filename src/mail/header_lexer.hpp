// The tokens of structured header fields (RFC 5322 §3.2, with the obsolete forms of §4.1), shared by the parsers of dates,
// address lists and MIME parameters. Line ends of folded text count as blanks. Linear; comments nest without recursion.
#pragma once

#include "base/ascii.hpp"
#include "base/scanner.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::mail {

[[nodiscard]] constexpr bool is_folding_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// RFC 5322 §3.2.3, and RFC 6532 §3.2: UTF-8 too.
[[nodiscard]] constexpr bool is_atext(char c) {
  constexpr auto table = [] {
    std::array<bool, 256> atext{};
    for (std::size_t octet = 0; octet < atext.size(); ++octet) {
      const auto character = static_cast<char>(static_cast<unsigned char>(octet));
      atext.at(octet) = ascii::is_letter_or_digit(character) || !ascii::is_ascii(character) ||
                        std::string_view("!#$%&'*+-/=?^_`{|}~").contains(character);
    }
    return atext;
  }();
  return table.at(static_cast<unsigned char>(c));
}

/// Skips blanks and comments. False: a comment has no end; then everything was skipped.
bool skip_cfws(Scanner& scanner);

/// Takes a quoted string whose opening quote stands next; returns what it means. None: it has no end; then everything was
/// taken.
[[nodiscard]] std::optional<std::string> take_quoted_string(Scanner& scanner);

}  // namespace posthorn::mail
