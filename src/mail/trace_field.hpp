// Trace fields, which a server puts on top of a message (RFC 5321 §4.4): Received, Return-Path, and Delivered-To
// (RFC 9228). Each function returns whole header lines with CRLF at the end, folded at 78 columns where it can be.
// Text that came from the client (HELO, host names) is cleaned, so that it can neither end a line nor close a comment.
#pragma once

#include "base/ip_address.hpp"
#include "base/message_id.hpp"
#include "base/time.hpp"
#include "mail/address.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::mail {

/// How a message came in, for the "with" clause.
struct TransmissionType {
  enum class Protocol { smtp, esmtp, lmtp };
  Protocol protocol = Protocol::esmtp;
  bool tls = false;
  bool authenticated = false;
  bool smtputf8 = false;  ///< the transaction used SMTPUTF8

  /// "SMTP", "ESMTPSA", "UTF8LMTP", …: RFC 3848, RFC 6531 §4.3.
  [[nodiscard]] std::string keyword() const;
};

/// What a Received field says. An empty text leaves its clause out.
struct ReceivedFacts {
  std::string helo;                  ///< as the client said it
  std::string host_name;             ///< the client's name by DNS
  std::optional<IpAddress> address;  ///< the client's; none: a local process, then no "from" clause without `helo`
  std::string by;                    ///< our host name
  std::string account;  ///< of the local process that handed it over, told in a comment; then no "with" clause
  TransmissionType with;
  std::string tls;  ///< "TLSv1.3 TLS_AES_256_GCM_SHA384", told in a comment
  MessageId id;
  std::optional<Address> recipient;  ///< for the "for" clause: give it only if the transaction has exactly one
  WallTime time;
  std::chrono::minutes zone{0};
};

/// RFC 5321 §4.4: the time stamp line.
[[nodiscard]] std::string received_field(const ReceivedFacts& facts);

/// RFC 5321 §4.4: the return path line of final delivery; none: `<>`.
[[nodiscard]] std::string return_path_field(const std::optional<Address>& sender);

/// RFC 9228 §4: one for each final delivery.
[[nodiscard]] std::string delivered_to_field(const Address& recipient);

}  // namespace posthorn::mail
