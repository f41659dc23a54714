// Header fields as this server writes them: unstructured text and lists of mailboxes, with encoded words (RFC 2047) for
// what is not ASCII, folded at 78 columns (RFC 5322 §2.1.1), 76 where there are encoded words. Whatever the text holds, the
// result is one field: control characters count as blanks, and what is not UTF-8 becomes U+FFFD.
#pragma once

#include "mail/address.hpp"

#include <span>
#include <string>
#include <string_view>

namespace posthorn::mail {

struct NamedAddress {
  std::string display_name;  ///< UTF-8; empty: none
  Address address;
};

/// "Subject: text\r\n". `name` is a literal.
[[nodiscard]] std::string unstructured_field(std::string_view name, std::string_view text);

/// The same without encoded words, for fields that hold none (RFC 3464 §2.1.1): what is not ASCII stays UTF-8.
[[nodiscard]] std::string plain_field(std::string_view name, std::string_view text);

/// "To: Alice <alice@example.org>, bob@example.org\r\n"; at least one. `name` is a literal. An address whose local part is
/// not ASCII stays UTF-8 (RFC 6532 §3).
[[nodiscard]] std::string mailbox_list_field(std::string_view name, std::span<const NamedAddress> mailboxes);

}  // namespace posthorn::mail
