// Lines of a message's text: whether they are as SMTP carries them, and how to make them so in text that did not come over
// SMTP (files, the standard input of `sendmail`).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::mail {

/// RFC 5322 §2.1.1: octets of a line, without its CRLF.
inline constexpr std::size_t max_line_octets = 998;

/// Whether a CR or an LF stands alone.
[[nodiscard]] bool has_bare_line_end(std::string_view text);
/// Whether a line has more than `max_line_octets`.
[[nodiscard]] bool has_long_line(std::string_view text);

/// The text with CRLF at the end of each line, whether it was LF, CRLF or CR, and at the end of the last one.
[[nodiscard]] std::string with_crlf(std::string_view text);

}  // namespace posthorn::mail
