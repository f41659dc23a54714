// Unicode normalization, for comparing what people type on different keyboards (RFC 5198, RFC 6530 §10.1).
#pragma once

#include <string>
#include <string_view>

namespace posthorn::mail {

/// Normalization Form C. Text that is ASCII or not valid UTF-8 comes back as it is.
[[nodiscard]] std::string to_nfc(std::string_view text);

/// Lower case in every script, and NFC. Text that is not valid UTF-8 has its ASCII letters lowered.
[[nodiscard]] std::string to_lower_nfc(std::string_view text);

/// Whether the code point is a letter, a mark that goes on one, or a digit, in any script.
[[nodiscard]] bool is_word_character(char32_t point);

}  // namespace posthorn::mail
