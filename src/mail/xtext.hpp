// The encodings that carry an address or an identifier as one ESMTP value: xtext (RFC 3461 §4), and the unitext of UTF-8
// addresses (RFC 6533 §3). Decoders take one encoding strictly but for the case of hexadecimal digits, and check nothing
// of what comes out but, for unitext, that it is valid UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::mail {

[[nodiscard]] std::string encode_xtext(std::string_view octets);
/// None: a character that xtext has not, or a "+" without its two digits.
[[nodiscard]] std::optional<std::string> decode_xtext(std::string_view text);

enum class UnitextForm {
  ascii,  ///< utf-8-addr-xtext: to servers without SMTPUTF8
  utf8,   ///< utf-8-addr-unitext: to servers with it
};

/// `address` must be valid UTF-8.
[[nodiscard]] std::string encode_unitext(std::string_view address, UnitextForm form);
/// Both forms. None: not valid UTF-8, a character that must be escaped, or an escape of no code point.
[[nodiscard]] std::optional<std::string> decode_unitext(std::string_view text);

}  // namespace posthorn::mail
