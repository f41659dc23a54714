// The values of the DSN parameters of MAIL and RCPT (RFC 3461 §4, RFC 6533 §3), read and written. What the parsers return
// is bounded, has no control character, and may be sent on. Errors: `invalid`, the text says why and repeats nothing.
#pragma once

#include "base/result.hpp"
#include "mail/envelope.hpp"
#include "mail/xtext.hpp"

#include <string>
#include <string_view>

namespace posthorn::mail {

/// RFC 3461 §5.4: longer values are refused.
inline constexpr std::size_t max_envelope_id_octets = 100;
inline constexpr std::size_t max_original_recipient_octets = 500;

/// NOTIFY= (RFC 3461 §4.1): "NEVER", or a list as "SUCCESS,FAILURE".
[[nodiscard]] Result<Notify> parse_notify(std::string_view value);
/// The inverse; `notify` must be given.
[[nodiscard]] std::string notify_value(const Notify& notify);

/// RET= (RFC 3461 §4.3): "FULL" or "HDRS".
[[nodiscard]] Result<ReturnContent> parse_return_content(std::string_view value);
/// The inverse; not of `unspecified`.
[[nodiscard]] std::string_view return_content_value(ReturnContent content);

/// ENVID= (RFC 3461 §4.4), decoded: printable ASCII.
[[nodiscard]] Result<std::string> parse_envelope_id(std::string_view value);
/// The inverse.
[[nodiscard]] std::string envelope_id_value(std::string_view envelope_id);

/// ORCPT= (RFC 3461 §4.2), decoded. Of type "utf-8": valid UTF-8 without control characters; else printable ASCII.
[[nodiscard]] Result<OriginalRecipient> parse_original_recipient(std::string_view value);
/// The inverse; `form` says what the server takes.
[[nodiscard]] std::string original_recipient_value(const OriginalRecipient& original, UnitextForm form);
/// What a sender would have written who names this address.
[[nodiscard]] OriginalRecipient original_recipient_of(const Address& address);

}  // namespace posthorn::mail
