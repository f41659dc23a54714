// What a client session is given to send, what it asks its driver to do, and how it says what became of it. Effects are
// values, performed one by one in the order in which next() gives them. Those marked "question" stop the session until they
// are answered. Views in them stay valid until next() is called again.
#pragma once

#include "mail/enhanced_status.hpp"
#include "mail/envelope.hpp"
#include "smtp/client_settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace posthorn::smtp {

/// What is to be sent: whom to, and what must be known of the text before it is streamed.
struct ClientMessage {
  mail::Envelope envelope;      ///< one recipient at least
  std::uint64_t size = 0;       ///< octets with CRLF line ends, dots not stuffed; exact where chunking is used
  bool needs_smtputf8 = false;  ///< a header field or an address cannot be sent without it
  /// RCPT names the server's own postmaster without a domain (RFC 5321 §4.1.1.3), in place of the one recipient.
  bool to_postmaster = false;
  bool stops_before_data = false;  ///< MAIL and RCPT only, then RSET: nothing is delivered
};

/// What became of one recipient.
struct Outcome {
  enum class Kind : std::uint8_t {
    delivered,  ///< the server has taken responsibility
    temporary,  ///< not now
    permanent,  ///< never
    unknown,    ///< the end of the message was sent whole and no whole answer came: it may have been delivered
    untried,  ///< nothing was decided and nothing held against it: send it again, in another transaction or connection
  };
  Kind kind = Kind::untried;
  Step step = Step::greeting;  ///< where it was decided
  mail::EnhancedStatus status{4, 0, 0};
  unsigned code = 0;  ///< of the reply that decided; 0: it was not a reply
  std::string text;   ///< the peer's words, or ours if code is 0: clean it before it is shown

  bool operator==(const Outcome&) const = default;
};

/// Write the bytes. An error: write_failed().
/// `expects_silence`: the server has nothing to say before it has these bytes. If it has said something nevertheless, which
/// the driver finds out without waiting, it does not write but calls spoke_early().
struct SendBytes {
  std::string_view bytes;
  bool expects_silence = false;
};

/// Read, for settings.timeout(step) at most: receive(), connection_lost() or timed_out().
struct AwaitReply {
  Step step = Step::greeting;
};

/// Nothing to do: send() a message, or quit().
struct AwaitMessage {};

/// Question: the next piece of the message: provide(), end_message() or message_failed().
struct NeedContent {};

/// Question: do the TLS handshake, if nothing unread has come before it (else spoke_early()): tls_started() or tls_failed().
struct UpgradeToTls {};

/// Question: begin to authenticate by one of these mechanisms, the server's that may be used here, in its order:
/// authenticate() or cannot_authenticate().
struct StartAuthentication {
  std::vector<std::string> mechanisms;
};

/// Question: the server's challenge, decoded: respond() or cannot_authenticate().
struct AnswerChallenge {
  std::string octets;
};

/// A line of the dialogue, without CRLF and without secrets; of the message text only its end. What was received is the
/// peer's text: clean it before it is shown.
struct DialogueLine {
  enum class Direction : std::uint8_t { sent, received };
  Direction direction = Direction::sent;
  std::string text;

  bool operator==(const DialogueLine&) const = default;
};

/// Where the session is: the machine that `send` shows to its user.
enum class ClientState : std::uint8_t {
  start,
  hello,
  starttls,
  auth,
  ready,  ///< between messages
  from,
  to,
  data,
  body,
  dot,
  quit,
  error_4yz,  ///< a temporary refusal
  error_5yz,  ///< a permanent one
  closed,
};

/// "START", "EHLO", "STARTTLS", "AUTH", "READY", "FROM", "TO", "DATA", "BODY", "DOT", "QUIT", "ERROR 4yz", "ERROR 5yz",
/// "CLOSED".
[[nodiscard]] std::string_view name_of(ClientState state);

struct StateChanged {
  ClientState state = ClientState::start;
};

/// The end of the message that was given: exactly one for each. After it the session takes another one, unless
/// CloseConnection follows.
struct MessageDone {
  std::vector<Outcome> outcomes;   ///< one per recipient of the envelope, in its order
  bool needs_seven_bit = false;    ///< nothing was sent, only since the server lacks 8BITMIME: convert it, or return it
  bool is_final_delivery = false;  ///< by LMTP: 250 says that it is in the mailbox (RFC 2033 §4.2)
  bool dsn_passed_on = false;      ///< the server does DSN and knows what reports are wanted (RFC 3461 §5.2.2)
};

/// Why a session ended.
struct SessionEnd {
  enum class Reason : std::uint8_t {
    finished,          ///< by quit(), whatever became of the messages
    refused_for_now,   ///< the server would not serve us: 4yz, or 421 at any moment
    refused_for_good,  ///< 5yz to the greeting, to EHLO and HELO, to AUTH
    connection_lost,
    timed_out,
    protocol_error,     ///< it answered what nobody asked, or what SMTP does not allow, or no SMTP at all
    tls_failed,         ///< the handshake, or a server that talks before it
    tls_not_offered,    ///< or refused by it, where it was required
    no_authentication,  ///< no mechanism in common, or our side could not go on
    message_failed,     ///< our side could not read the message
  };
  Reason reason = Reason::finished;
  Step step = Step::greeting;
  unsigned code = 0;  ///< of the reply that ended it; 0: none did
  std::string text;   ///< the peer's words, or ours if code is 0

  bool operator==(const SessionEnd&) const = default;
};

/// Close the connection: the last effect.
struct CloseConnection {
  SessionEnd end;
};

using ClientEffect = std::variant<SendBytes, AwaitReply, AwaitMessage, NeedContent, UpgradeToTls, StartAuthentication,
                                  AnswerChallenge, DialogueLine, StateChanged, MessageDone, CloseConnection>;

}  // namespace posthorn::smtp
