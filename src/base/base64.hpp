// Base64 (RFC 4648 §4), strict: exactly one text for each sequence of octets. No line breaks, no blanks: whoever reads a
// form that allows them takes them out first.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::base64 {

/// With padding.
[[nodiscard]] std::string encode(std::string_view octets);

/// None if the text is not the encoding of anything: a wrong length, a foreign character, padding that is missing or in
/// the wrong place, or bits set that no octet has (RFC 4648 §3.5).
[[nodiscard]] std::optional<std::string> decode(std::string_view text);

}  // namespace posthorn::base64
