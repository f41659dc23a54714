// What Unicode asks of text in mail: normalization, for comparing what people type on different keyboards (RFC 5198,
// RFC 6530 §10.1), and the characters that never belong into an address or a line.
#pragma once

#include <string>
#include <string_view>

namespace posthorn::mail {

/// Normalization Form C. Text that is ASCII or not valid UTF-8 comes back as it is.
[[nodiscard]] std::string to_nfc(std::string_view text);

/// Whether the text holds an ASCII control, a C1 control (U+0080 to U+009F), or a line or paragraph separator.
[[nodiscard]] bool has_control_character(std::string_view text);

/// Lower case in every script, and NFC. Text that is not valid UTF-8 has its ASCII letters lowered.
[[nodiscard]] std::string to_lower_nfc(std::string_view text);

/// Whether the code point is a letter, a mark that goes on one, or a digit, in any script.
[[nodiscard]] bool is_word_character(char32_t point);

}  // namespace posthorn::mail
