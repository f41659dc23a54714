// The content transfer encodings of RFC 2045 §6.7 and §6.8, as this server writes them: lines of at most 76 octets, CRLF
// at each line end, ASCII only.
#pragma once

#include <string>
#include <string_view>

namespace posthorn::mail {

/// Quoted-printable (RFC 2045 §6.7). A CRLF is a line end; a CR or LF alone is an octet like any other. The last line
/// ends as it does in the text.
[[nodiscard]] std::string encode_quoted_printable(std::string_view text);

/// The beginning, or a middle, of a line that goes on: it ends in a soft break (§6.7 rule 5).
void append_quoted_piece(std::string& out, std::string_view piece);

/// Base64 in lines, each with CRLF; nothing for nothing.
[[nodiscard]] std::string encode_base64_lines(std::string_view octets);

}  // namespace posthorn::mail
