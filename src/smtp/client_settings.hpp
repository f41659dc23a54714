// What a client session is told before it starts: who we are, how much TLS, what it may use and how long each step may take.
// The driver enforces the deadlines, since the machine has no clock; the names of the steps are what it asks for them by.
#pragma once

#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::smtp {

/// How much TLS a connection must have.
enum class RemoteTls : std::uint8_t {
  none,     ///< never STARTTLS
  may,      ///< STARTTLS when offered, whatever the certificate (RFC 7435); else in the clear
  require,  ///< encrypted, or nothing is sent
  verify,   ///< encrypted with a certificate that proves the name, or nothing is sent; the driver's handshake verifies
};

/// RFC 2033: LMTP is SMTP with LHLO for EHLO and one reply per accepted recipient after the data.
enum class Dialect : std::uint8_t { smtp, lmtp };

/// What the session waits for, or was doing when something happened.
enum class Step : std::uint8_t {
  greeting,
  hello,     ///< EHLO, LHLO, HELO
  starttls,  ///< the command and the handshake
  auth,
  mail,
  rcpt,
  data,       ///< the reply to DATA
  body,       ///< a block of the message being written
  final_dot,  ///< the reply to the final dot, or to the last BDAT
  reset,
  quit,
};

/// "greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "message text", "final dot", "RSET", "QUIT".
[[nodiscard]] std::string_view name_of(Step step);

struct ClientSettings {
  Dialect dialect = Dialect::smtp;
  std::string hello_name;  ///< RFC 5321 §4.1.4: our host name, or an address literal
  RemoteTls tls = RemoteTls::may;
  bool tls_from_first_byte = false;   ///< the driver did the handshake before the greeting (port 465)
  bool authenticate = false;          ///< AUTH before the first message, or nothing is sent
  bool plain_text_passwords = false;  ///< PLAIN and LOGIN also without TLS: only on a UNIX socket or loopback
  bool defer_unauthenticated = true;  ///< a 5yz to AUTH is our configuration's fault: the mail waits
  bool extended_hello = true;         ///< false: HELO at once, for servers that drop the connection at EHLO
  bool pipelining = true;             ///< use it where it is offered; never otherwise
  bool quits_after_421 = false;       ///< QUIT, though the server has said that it closes
  bool chunking = false;              ///< BDAT instead of DATA where it is offered; BINARYMIME needs it
  std::uint32_t recipients_per_transaction = 100;  ///< RFC 5321 §4.5.3.1.8: what every server takes
  std::size_t reply_line_octets = 2048;            ///< of one line of a reply; RFC 5321 §4.5.3.1.5 says 512
  std::size_t reply_lines = 128;

  // RFC 5321 §4.5.3.2: the least a client waits.
  Duration greeting_timeout = std::chrono::minutes{5};
  Duration hello_timeout = std::chrono::minutes{5};
  Duration starttls_timeout = std::chrono::minutes{2};
  Duration auth_timeout = std::chrono::minutes{3};
  Duration mail_timeout = std::chrono::minutes{5};
  Duration rcpt_timeout = std::chrono::minutes{5};
  Duration data_timeout = std::chrono::minutes{2};
  Duration body_timeout = std::chrono::minutes{3};
  Duration final_dot_timeout = std::chrono::minutes{10};
  Duration reset_timeout = std::chrono::minutes{1};
  Duration quit_timeout = std::chrono::seconds{5};

  [[nodiscard]] Duration timeout(Step step) const;
};

}  // namespace posthorn::smtp
