// Address: an RFC 5321 Mailbox (§4.1.2, §4.1.3) with the UTF-8 of RFC 6531 §3.3: local part and domain. Only the parser
// makes one: there is never a control character in it, non-ASCII is always valid UTF-8, and it is short enough to be
// sent. The local part is kept without its quoting, as it means, and is nobody's business but the domain's: percent
// signs, exclamation marks and plus signs are ordinary. The domain is kept in the canonical form of mail::Domain.
// What stands around a mailbox (angle brackets, source routes) is path.hpp's; RFC 5322 address lists, address_list.hpp's.
#pragma once

#include "base/result.hpp"
#include "mail/domain.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace posthorn::mail {

class Address {
 public:
  /// RFC 5321 §4.5.3.1.3: a path has at most 256 octets with its angle brackets.
  static constexpr std::size_t max_octets = 254;

  /// Reads a whole Mailbox: `alice@example.org`, `"a b"@example.org`, `alice@[192.0.2.1]`.
  /// Error: `invalid`, its text says why and repeats nothing of the input.
  [[nodiscard]] static Result<Address> parse(std::string_view text);
  /// Joins a local part, given without quoting, and a domain. The same rules and errors.
  [[nodiscard]] static Result<Address> make(std::string_view local_part, const Domain& domain);

  /// Without quoting: `a b`, not `"a b"`. May hold any printable character, spaces, "@", "/" and dots among them.
  [[nodiscard]] std::string_view local_part() const { return std::string_view(text_).substr(0, local_octets_); }
  /// The canonical form, the same text as mail::Domain's.
  [[nodiscard]] std::string_view domain() const { return std::string_view(text_).substr(local_octets_ + 1U); }
  [[nodiscard]] bool is_literal() const { return domain().front() == '['; }
  /// Whether it can only be sent to a server that offers SMTPUTF8: the local part is not ASCII. (A domain never is the
  /// reason, since it is sent as A-labels.)
  [[nodiscard]] bool needs_smtputf8() const;

  /// The Mailbox as it is sent, quoted where it must be; parse() reads it back as an equal address.
  [[nodiscard]] std::string to_string() const;
  /// The same with U-labels, for people to read.
  [[nodiscard]] std::string to_unicode() const;

  /// Equal domains, and local parts equal to the letter after Unicode normalization (NFC, RFC 6530 §10.1).
  /// Whether a domain tells upper from lower case in its local parts is the domain's to decide, not ours.
  [[nodiscard]] bool operator==(const Address& other) const;
  /// A number that is equal for equal addresses and does not change between runs or builds.
  [[nodiscard]] std::uint64_t fingerprint() const;

 private:
  Address(std::string text, std::size_t local_octets)
      : text_(std::move(text)), local_octets_(static_cast<std::uint16_t>(local_octets)) {}

  std::string text_;  // the local part without quoting, "@", the canonical domain
  std::uint16_t local_octets_;
};

}  // namespace posthorn::mail

template <>
struct std::hash<posthorn::mail::Address> {
  std::size_t operator()(const posthorn::mail::Address& address) const noexcept { return address.fingerprint(); }
};
