// ServerSession: the receiving side of SMTP (RFC 5321) as a machine without socket, clock or thread. Events and bytes go
// in, effects come out of next(); transcript and effects do not depend on how the bytes were cut (but for
// SessionFacts::talked_early and ::pipelined_unasked).
// It guarantees: at most one question open, and nothing read past it; one reply per command; the transaction is one
// object, dropped whole at each refusal of its data, RSET, HELO, EHLO, STARTTLS and the end; nothing in a reply comes from
// the client. It decides nothing about who may send where.
//
//              HELO EHLO              MAIL accepted              RCPT accepted
//   START ──────────────▶ INIT ─────────────────▶ MAIL_STARTED ──────────────▶ RCPT_RECEIVED ◀─┐ RCPT
//     ▲                   ▲  ▲                         │                           │     └─────┘
//     │ TLS started       │  └──── HELO EHLO RSET ─────┴───────────────────────────┤
//     │ (from any but     │                                                        │ DATA accepted, first BDAT accepted
//     │ DATA_RECEIVING's  │    end of message answered; any refusal of DATA or     ▼
//     │ text)             └───── BDAT; HELO EHLO RSET between chunks ─────── DATA_RECEIVING ◀─┐ BDAT
//     │                                                                            └──────────┘
//   every state ── QUIT, 421, lost connection, bare CR LF NUL, other protocol ──▶ CLOSED
//
// A command that does not fit the state gets 503 and changes nothing.
//
// The driver's loop:
//   session.start();
//   for (;;) {
//     Effect effect = session.next();   // perform it; answer questions by accept(), refuse() …
//     if Wait: flush the replies; if session.wants_input(): session.receive(what was read)
//     if Close: end
//   }
#pragma once

#include "mail/envelope.hpp"
#include "mail/trace_field.hpp"
#include "smtp/data_framing.hpp"
#include "smtp/line_buffer.hpp"
#include "smtp/reply.hpp"
#include "smtp/server_effect.hpp"
#include "smtp/server_settings.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::smtp {

/// What is known of the connection's encryption.
struct Channel {
  bool encrypted = false;
  bool has_binding = false;  ///< the handshake gave data for channel binding (SCRAM-…-PLUS)
};

/// What a session has learned, for the trace field, the log and the rules.
struct SessionFacts {
  std::string hello;               ///< the name in HELO or EHLO: visible ASCII, at most 255 octets; empty: none yet
  bool extended = false;           ///< it was EHLO
  Channel channel;
  std::string user;                ///< who authenticated; empty: nobody
  bool talked_early = false;       ///< bytes came before the greeting
  bool pipelined_unasked = false;  ///< commands came behind one that must end a group (RFC 2920 §3.1), or before EHLO
  std::uint32_t commands = 0;      ///< lines that were answered
  std::uint32_t errors = 0;        ///< refused commands
  std::uint32_t junk_commands = 0; ///< since the last accepted message
  std::uint32_t transactions = 0;  ///< MAIL accepted
  std::uint32_t messages = 0;      ///< accepted
  std::uint32_t authentication_failures = 0;
};

class ServerSession {
 public:
  enum class State : std::uint8_t { start, init, mail_started, rcpt_received, data_receiving, closed };
  enum class Shutdown : std::uint8_t {
    after_message,  ///< a message under way may still end and is answered; then 421
    at_once,        ///< not while EndMessage is unanswered
  };

  explicit ServerSession(std::shared_ptr<const ServerSettings> settings);

  // ---- The connection ----

  /// Greets with 220. `channel`: TLS from the first byte is done already.
  void start(Channel channel = {});
  /// Refuses the session instead. 421 closes at once; 554 waits for QUIT and answers everything else by 503 (RFC 5321
  /// §3.1).
  void refuse_session(Reply reply);

  /// The next bytes, only while wants_input(). They must stay valid until next() gives Wait or a question.
  void receive(std::string_view bytes);
  /// The client ended its side, or the connection broke. No reply; an open question is void.
  void end_of_stream();
  /// No command, or no more data, within the time allowed: 421 4.4.2. Not while a question is open.
  void timed_out();
  /// Data comes slower than the least rate: 421 4.4.2. Not while a question is open.
  void too_slow();
  /// The server ends: 421 4.3.2.
  void shut_down(Shutdown how);

  // ---- Answers to questions ----

  /// Yes, with the usual reply. (AskVerify has none: say which.)
  void accept();
  /// Yes, with this reply, 2yz (3yz to BeginMessage after DATA).
  void accept(Reply reply);
  /// No: 4yz or 5yz. A 421 ends the session.
  void refuse(Reply reply);
  /// AskAuthentication: the mechanism's next challenge, not encoded.
  void challenge(std::string_view octets);
  /// AskAuthentication: it is this user.
  void authenticated(std::string user);
  /// StartTls: the handshake is done. Everything learned before is forgotten (RFC 3207 §4.2).
  void tls_started(Channel channel);
  /// StartTls: it failed; the connection is of no use any more.
  void tls_failed();
  /// StartTls: there are bytes that came before the handshake. 554 and the end.
  void plain_text_came();

  /// After BeginMessage was accepted and before EndMessage was given: the driver cannot take the message (and has
  /// forgotten it). The rest is read and thrown away, then this refusal is sent.
  void fail_message(Reply refusal);

  // ---- What is to be done ----

  /// The next effect.
  [[nodiscard]] Effect next();

  /// Whether bytes may be read from the client now. Otherwise a question is open, effects wait, or it is over.
  [[nodiscard]] bool wants_input() const;
  /// Whether a question waits for its answer.
  [[nodiscard]] bool is_busy() const { return question_ != Question::none; }
  /// Whether message text is awaited (then the data rate and the time between two pieces of data count).
  [[nodiscard]] bool is_reading_data() const { return reading_ == Reading::text || reading_ == Reading::chunk; }

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const SessionFacts& facts() const { return facts_; }
  /// Of the transaction; none outside one.
  [[nodiscard]] const mail::Envelope* envelope() const { return transaction_ ? &transaction_->envelope : nullptr; }
  /// For the trace field of the message at hand (RFC 3848).
  [[nodiscard]] mail::TransmissionType transmission_type() const;

 private:
  enum class Question : std::uint8_t { none, sender, recipient, verify, authentication, tls, begin, end };
  // What the next bytes are.
  enum class Reading : std::uint8_t {
    commands,
    responses,      // of a SASL exchange
    text,           // of DATA
    chunk,          // of BDAT
    refused_chunk,  // of a BDAT that is answered by `refusal_` when its octets are through
  };
  struct Transaction {
    mail::Envelope envelope;
    std::optional<mail::Recipient> asked;  // AskRecipient is open about this one
    bool message_begun = false;            // the driver holds a message
    bool by_chunks = false;                // BDAT, not DATA
    std::uint64_t octets = 0;              // of the message so far
    DotDecoder decoder;
    LineEndChecker line_ends;
  };

  std::shared_ptr<const ServerSettings> settings_;
  LineBuffer input_;
  SessionFacts facts_;
  std::unique_ptr<Transaction> transaction_;  // there is one from MAIL_STARTED to DATA_RECEIVING
  State state_ = State::start;
  Question question_ = Question::none;
  Reading reading_ = Reading::commands;
};

}  // namespace posthorn::smtp
