// What a server session asks its driver to do: values, performed one by one in the order in which next() gives them.
// Those marked "question" stop the session until they are answered.
// References and views in them stay valid until the question is answered or, for others, until next() is called again.
#pragma once

#include "base/secret.hpp"
#include "mail/envelope.hpp"
#include "smtp/reply.hpp"
#include "smtp/xclient.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <variant>

namespace posthorn::smtp {

/// Nothing to do before the next event. Send what is waiting to be sent; then, if wants_input(), read.
struct Wait {};

/// Put the reply behind those that wait to be sent. They may go together (RFC 2920 §3.2) and must be on their way before
/// the driver waits for anything.
struct SendReply {
  Reply reply;
};

/// Question at MAIL: may this sender send here? accept() or refuse(). The envelope has no recipients yet.
struct AskSender {
  std::reference_wrapper<const mail::Envelope> envelope;
};

/// Question at RCPT: is this recipient taken? accept() or refuse(). It is not in the envelope yet.
struct AskRecipient {
  std::reference_wrapper<const mail::Envelope> envelope;
  std::reference_wrapper<const mail::Recipient> recipient;
};

/// Question at VRFY: accept(reply) or refuse(). The text is the client's, not parsed.
struct AskVerify {
  std::string_view text;
};

/// Question at AUTH and at each response: challenge(), authenticated() or refuse() (535 5.7.8, 454 4.7.0, …). Delays
/// after failures are the driver's.
struct AskAuthentication {
  bool is_first = false;           ///< begin a new exchange
  std::string_view mechanism;      ///< one of the settings'
  std::optional<Secret> response;  ///< decoded; none: AUTH came without an initial response
};

/// Question at XCLIENT: a trusted host says for whom it speaks. client_named(), or refuse() (550, 421).
struct AskClient {
  std::reference_wrapper<const XclientCommand> command;
};

/// The client cancelled the exchange (RFC 4954 §4), or the session ended within it: forget it.
struct DropAuthentication {};

/// Question at STARTTLS (RFC 3207). If the stream has bytes that were not read, plain_text_came(). Otherwise send `ready`
/// and everything before it, do the handshake, and say tls_started() or tls_failed().
struct StartTls {
  Reply ready;
};

/// Question at DATA or the first BDAT: begin to take a message. accept() or refuse().
struct BeginMessage {
  std::reference_wrapper<const mail::Envelope> envelope;
};

/// The next octets of the message, un-stuffed. If they cannot be taken: fail_message().
struct MessageBytes {
  std::string_view bytes;
};

/// Question: the message is whole. Make it durable, then accept(reply with its id), or refuse(). The envelope may be
/// moved away.
struct EndMessage {
  std::reference_wrapper<mail::Envelope> envelope;
  std::uint64_t octets = 0;
};

/// The message begun will not be finished: forget its bytes.
struct DropMessage {};

/// End the connection once the replies are sent. Read and throw away what still comes, within bounds, so that a reset does
/// not overtake the last reply.
struct Close {};

using Effect = std::variant<Wait, SendReply, AskSender, AskRecipient, AskVerify, AskClient, AskAuthentication,
                            DropAuthentication, StartTls, BeginMessage, MessageBytes, EndMessage, DropMessage, Close>;

}  // namespace posthorn::smtp
