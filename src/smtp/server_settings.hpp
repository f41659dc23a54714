// What a server session is told before it starts: who we are, what we offer, what we ask for, and every bound.
// One object serves all sessions of a listener; a reload makes another one for the sessions that start later.
#pragma once

#include "mail/address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::smtp {

/// A SASL mechanism as AUTH offers it (RFC 4954 §3).
struct AuthMechanism {
  std::string name;                    ///< "PLAIN", in upper case
  bool needs_encryption = true;        ///< offered and taken under TLS only (RFC 4954 §4)
  bool needs_channel_binding = false;  ///< "SCRAM-SHA-256-PLUS"
};

/// What VRFY answers (RFC 5321 §3.5.3).
enum class VerifyPolicy : std::uint8_t {
  noncommittal,  ///< 252 whatever is asked
  ask,           ///< the driver says
  off,           ///< 502
};

struct ServerSettings {
  std::string hostname;  ///< in the greeting and the answer to HELO and EHLO
  std::optional<mail::Address>
      postmaster;  ///< whom `RCPT TO:<postmaster>` means (RFC 5321 §4.5.1); none: it is refused

  // What EHLO announces and the session honours.
  bool pipelining = true;                      ///< RFC 2920
  bool eight_bit_mime = true;                  ///< RFC 6152
  bool smtputf8 = true;                        ///< RFC 6531
  bool chunking = true;                        ///< RFC 3030
  bool binary_mime = true;                     ///< RFC 3030 §3; only together with chunking
  bool dsn = true;                             ///< RFC 3461
  bool starttls = false;                       ///< RFC 3207: there is a certificate
  std::vector<AuthMechanism> auth_mechanisms;  ///< RFC 4954; none: no AUTH
  bool xclient = false;                        ///< this client may say for whom it speaks
  VerifyPolicy verify = VerifyPolicy::noncommittal;

  // What must come before MAIL.
  bool require_tls = false;             ///< 530 5.7.0 (RFC 3207 §4)
  bool require_authentication = false;  ///< 530 5.7.0 (RFC 4954 §6)

  // Bounds.
  std::uint64_t message_octets = 50ULL << 20;  ///< SIZE (RFC 1870); the dots of dot-stuffing not counted
  std::uint64_t least_discard_octets =
      16ULL << 20;  ///< a larger message is read on and thrown away this far, or as far again as message_octets
  std::uint32_t recipients = 1000;  ///< of a transaction (RFC 5321 §4.5.3.1.8), announced as RCPTMAX
  std::uint32_t recipient_overshoot =
      1000;                           ///< so many more are refused without counting as errors (RFC 5321 §4.5.3.1.10)
  std::uint32_t transactions = 0;     ///< of a session, announced as MAILMAX (RFC 9422); 0: any number
  std::uint32_t errors = 20;          ///< refused commands; the one after them ends the session
  std::uint32_t junk_commands = 100;  ///< commands that bring no mail, since the last accepted message
  std::uint32_t authentication_failures = 5;    ///< the last of them ends the session
  std::size_t command_octets = 512;             ///< RFC 5321 §4.5.3.1.4, CRLF counted
  std::size_t parameter_command_octets = 2048;  ///< MAIL and RCPT, which extensions lengthen
  std::size_t auth_octets = 12'288;             ///< RFC 4954 §4: AUTH and the responses after it
  std::size_t discard_line_octets = 65'536;     ///< an endless line is thrown away this far

  /// How much of a message that is too large is read and thrown away before the session is given up.
  [[nodiscard]] std::uint64_t discard_octets() const {
    return message_octets > least_discard_octets ? message_octets : least_discard_octets;
  }
};

}  // namespace posthorn::smtp
