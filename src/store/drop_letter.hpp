// The form of a letter in the drop folder: an envelope in lines of text, an empty line, then the message as it goes into
// the spool (CRLF lines, no dot-stuffing). `sendmail` writes it, the server reads it; everybody on the machine may write
// one, so that reading trusts nothing.
//   Posthorn-Drop: 1
//   Sender: <alice@example.org>
//   Recipient: <bob@example.org> NOTIFY=FAILURE
//   Return: HDRS            (RFC 3461: RET, where it was said)
//   Envelope-Id: xtext      (the same: ENVID)
//   SMTPUTF8: yes           (an address needs it)
#pragma once

#include "base/result.hpp"
#include "mail/envelope.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::store {

struct DropLetter {
  mail::Envelope envelope;
  std::size_t text_begins = 0;
};

/// Longer heads are refused: about 30,000 recipients.
inline constexpr std::size_t most_drop_head_octets = 8U << 20;

[[nodiscard]] std::string drop_head(const mail::Envelope& envelope);

/// Reads the beginning of a letter. Error: `invalid`, its text says why and repeats nothing of the input.
[[nodiscard]] Result<DropLetter> parse_drop_letter(std::string_view text);

}  // namespace posthorn::store
