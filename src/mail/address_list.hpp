// Address lists as From, To, Cc, Bcc and Sender carry them (RFC 5322 §3.4, with groups in From by RFC 6854, and the
// obsolete forms of §4.4: routes, blanks and comments everywhere, empty elements). Reads whatever comes, in linear time,
// and says whether all of it was by the grammar: what decides by an author's address trusts only what was.
#pragma once

#include "mail/address.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

struct ListedMailbox {
  std::string display_name;  ///< quoting undone, encoded words not; empty: none
  std::string text;          ///< the address as it was meant: without quoting, comments and route; perhaps no address
  std::optional<Address> address;  ///< none: `text` is not an address that mail can be sent to
};

struct AddressList {
  std::vector<ListedMailbox> mailboxes;  ///< those inside groups too
  std::size_t groups = 0;
  bool well_formed = true;  ///< all of it was by the grammar, each mailbox has an address, and nothing was left out
};

/// Reads a field's value, folded or not. Past `most` mailboxes nothing is read.
[[nodiscard]] AddressList parse_address_list(std::string_view value, std::size_t most = 10'000);

}  // namespace posthorn::mail
