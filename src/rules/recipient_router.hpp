// Where mail for an address goes: into mailboxes, to other servers, or nowhere. Follows aliases to their ends: lists,
// lists in lists, names that lead to themselves; ends are found once however many ways lead to them. Pure: the same
// directory gives the same answer. Linear in the number of targets, with a bound on their number.
#pragma once

#include "mail/address.hpp"
#include "rules/directory.hpp"
#include "smtp/reply.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace posthorn::rules {

struct RouterSettings {
  std::size_t depth = 30;             ///< aliases that lead to each other
  std::size_t destinations = 10'000;  ///< of one address
  std::size_t faults = 10;            ///< told of one address
};

/// A user's mailbox.
struct MailboxDestination {
  mail::UserName user;
  std::string tag;        ///< what stood behind the separator, canonical; empty: none
  mail::Address address;  ///< as which it is addressed, for Delivered-To
};

/// An address in a domain that is not ours.
struct RemoteDestination {
  mail::Address address;
};

using Destination = std::variant<MailboxDestination, RemoteDestination>;

/// It goes to these; never empty.
struct Routed {
  std::vector<Destination> destinations;
  bool by_alias = false;
  std::vector<std::string> faults;  ///< targets that lead nowhere, in words for the log; the others are served
};

/// The domain is ours, and nobody has that name there.
struct UnknownUser {};

/// An alias leads nowhere: in a circle, to nobody, to too many. The administrator's mistake, so the sender is asked to
/// try again.
struct BrokenAlias {
  std::string why;  ///< for the log
};

using Resolution = std::variant<Routed, UnknownUser, BrokenAlias>;

/// Follows the address to its ends.
[[nodiscard]] Resolution resolve(const mail::Address& address, const Directory& directory,
                                 const RouterSettings& settings = {});

/// What RCPT is answered when the address cannot be taken: 550 5.1.1, 451 4.3.5. Nothing: it can.
[[nodiscard]] std::optional<smtp::Reply> refusal_of(const Resolution& resolution);

}  // namespace posthorn::rules
