// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing past U+10FFFF. Linear, allocates nothing but
// what append() adds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::utf8 {

struct CodePoint {
  char32_t value = 0;
  std::size_t octets = 0;  ///< 1 to 4
};

/// The code point at the start of the text; none if the text is empty or does not start with a whole valid one.
[[nodiscard]] std::optional<CodePoint> first_of(std::string_view text);

[[nodiscard]] bool is_valid(std::string_view text);
[[nodiscard]] bool is_ascii(std::string_view text);

/// Appends a code point, which must be a valid one.
void append(std::string& text, char32_t point);

/// The longest prefix of at most `octets` octets that does not cut a code point. In text that is not UTF-8 it may give
/// back up to three octets more than needed.
[[nodiscard]] std::string_view prefix(std::string_view text, std::size_t octets);

}  // namespace posthorn::utf8
