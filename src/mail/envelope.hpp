// Envelope: what MAIL and RCPT said, apart from the text: values only. The parameters are those of RFC 1870 (SIZE),
// RFC 6152 and 3030 (BODY), RFC 6531 (SMTPUTF8), RFC 3461 (NOTIFY, ORCPT, RET, ENVID), RFC 4954 (AUTH), RFC 8689
// (REQUIRETLS), decoded. Whoever fills it has parsed them; whoever sends it encodes them anew.
#pragma once

#include "mail/address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

/// RFC 6152 §2, RFC 3030 §3: the body as the client declared it.
enum class BodyType : std::uint8_t {
  seven_bit,  ///< BODY=7BIT, or nothing declared
  eight_bit,  ///< BODY=8BITMIME
  binary,     ///< BODY=BINARYMIME
};

/// RFC 3461 §4.3: how much of the message a failure report returns.
enum class ReturnContent : std::uint8_t { unspecified, full, headers };

/// RFC 3461 §4.1: which reports about a recipient are wanted. All false: nothing was said, which asks for failures and
/// leaves delays to us. `never` excludes the others.
struct Notify {
  bool never = false;
  bool success = false;
  bool failure = false;
  bool delay = false;

  [[nodiscard]] bool is_given() const { return never || success || failure || delay; }
  [[nodiscard]] bool wants_success() const { return success; }
  [[nodiscard]] bool wants_failure() const { return failure || !is_given(); }
  [[nodiscard]] bool wants_delay() const { return delay || !is_given(); }
  bool operator==(const Notify&) const = default;
};

/// RFC 3461 §4.2, RFC 6533 §3: the recipient as the sender first wrote it, decoded from xtext or utf-8-addr-xtext.
/// Made by parse_original_recipient() (dsn_parameters.hpp): `type` is an atom in lower case, `address` has no control
/// character and is valid UTF-8.
struct OriginalRecipient {
  std::string type;  ///< "rfc822", "utf-8"
  std::string address;

  bool operator==(const OriginalRecipient&) const = default;
};

struct Recipient {
  Address address;
  Notify notify{};
  std::optional<OriginalRecipient> original{};

  bool operator==(const Recipient&) const = default;
};

struct Envelope {
  std::optional<Address> sender;  ///< none: the null reverse-path, `<>`
  std::vector<Recipient> recipients;
  BodyType body = BodyType::seven_bit;
  bool smtputf8 = false;     ///< the client said SMTPUTF8: header or addresses may be UTF-8
  bool require_tls = false;  ///< RFC 8689 §2
  ReturnContent return_content = ReturnContent::unspecified;
  std::string envelope_id;                     ///< ENVID, decoded, printable ASCII; empty: none given
  std::optional<std::uint64_t> declared_size;  ///< SIZE=, octets
  std::optional<std::string> submitter;        ///< MAIL AUTH=, decoded; empty: `AUTH=<>`, RFC 4954 §5

  bool operator==(const Envelope&) const = default;
};

}  // namespace posthorn::mail
