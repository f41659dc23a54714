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
#include "smtp/command.hpp"
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
#include <utility>

namespace posthorn::smtp {

/// What is known of the connection's encryption.
struct Channel {
  bool encrypted = false;
  bool has_binding = false;  ///< the handshake gave data for channel binding (SCRAM-…-PLUS)
};

/// What a session has learned, for the trace field, the log and the rules.
struct SessionFacts {
  std::string hello;      ///< the name in HELO or EHLO: visible ASCII, at most 255 octets; empty: none yet
  bool extended = false;  ///< it was EHLO
  Channel channel;
  std::string user;                 ///< who authenticated; empty: nobody
  bool talked_early = false;        ///< bytes came before the greeting
  bool pipelined_unasked = false;   ///< commands came behind one that must end a group (RFC 2920 §3.1), or before EHLO
  std::uint32_t commands = 0;       ///< lines that were answered
  std::uint32_t errors = 0;         ///< refused commands
  std::uint32_t junk_commands = 0;  ///< since the last accepted message
  std::uint32_t transactions = 0;   ///< MAIL accepted
  std::uint32_t messages = 0;       ///< accepted
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

  /// Other settings than those it was made with. Before the greeting only.
  void choose_settings(std::shared_ptr<const ServerSettings> settings);
  /// Greets with 220. `channel`: TLS from the first byte is done already.
  void start(Channel channel = {});
  /// Refuses the session instead. 421 closes at once; 554 waits for QUIT and answers everything else by 503 (RFC 5321
  /// §3.1).
  void refuse_session(Reply reply);

  /// Bytes were there before the greeting was sent. Only noted.
  void note_early_talk() { facts_.talked_early = true; }
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
  /// AskClient: it speaks for another, who is `user` (empty: nobody proved who they are). The session begins anew with 220.
  /// `may_again`: that other may use XCLIENT too. A proxy may let the client's own octets through after it.
  void client_named(std::string user, bool may_again);
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
  /// Octets of the last line, if it was no command or a malformed one: told once. Its text is nobody's business.
  [[nodiscard]] std::uint32_t take_bad_line() { return std::exchange(bad_line_, 0); }
  /// Of the transaction; none outside one.
  [[nodiscard]] const mail::Envelope* envelope() const { return transaction_ ? &transaction_->envelope : nullptr; }
  /// For the trace field of the message at hand (RFC 3848).
  [[nodiscard]] mail::TransmissionType transmission_type() const;

 private:
  enum class Question : std::uint8_t { none, sender, recipient, verify, client, authentication, tls, begin, end };
  // What the next bytes are.
  enum class Reading : std::uint8_t {
    commands,
    responses,      // of a SASL exchange
    text,           // of DATA
    chunk,          // of BDAT
    refused_chunk,  // of a BDAT that is answered by refusal_ when its octets are through
  };
  struct Transaction {
    mail::Envelope envelope;
    std::optional<mail::Recipient> asked;  // the one that AskRecipient is about
    std::uint32_t rcpt_commands = 0;
    bool has_message = false;  // the driver holds a message
    bool by_chunks = false;    // BDAT, not DATA
    std::uint64_t octets = 0;  // of the message so far
    DotDecoder decoder;
    LineEndChecker line_ends;
  };

  // server_session.cpp: input, dispatch, replies, the end
  [[nodiscard]] std::optional<Effect> pending();
  [[nodiscard]] bool has_pending() const;
  [[nodiscard]] Effect question_effect();
  [[nodiscard]] bool advance();
  [[nodiscard]] bool read_line();
  [[nodiscard]] bool has_foreign_start();
  void on_line(std::string_view line);
  void perform(Command& command);
  void on_line_of_refused_session(std::string_view line);
  void on_fault(CommandFault fault);
  void note_pipelining(const Command& command);
  void reply(Reply reply);
  void refuse_command(Reply refusal);
  void count_error(Reply refusal);
  [[nodiscard]] bool count_junk();
  void ask(Question question);
  [[nodiscard]] Question take_question();
  void drop_transaction();
  void back_to_idle();
  void end(Reply reply);
  void close();
  void check_state() const;

  // server_session_answer.cpp
  [[nodiscard]] Reply usual_reply() const;
  void on_authentication_refused(Reply refusal);

  // server_session_command.cpp
  void on_hello(const HelloCommand& command);
  void on_rset();
  void on_noop();
  void on_vrfy(const VerifyCommand& command);
  void on_help(const HelpCommand& command);
  void on_quit();
  [[nodiscard]] ReplyLines hello_lines() const;
  [[nodiscard]] std::string limits_line() const;
  [[nodiscard]] std::string auth_line() const;

  // server_session_envelope.cpp
  void on_mail(MailCommand& command);
  void on_rcpt(RcptCommand& command);
  [[nodiscard]] std::optional<Reply> missing_proof() const;
  [[nodiscard]] std::optional<Reply> mail_refusal(const MailCommand& command) const;
  [[nodiscard]] std::optional<Reply> rcpt_refusal(const RcptCommand& command) const;
  void on_sender_accepted(Reply reply);
  void on_sender_refused(Reply refusal);
  void refuse_recipient(Reply refusal);
  void on_recipient_accepted(Reply reply);

  // server_session_message.cpp
  void on_data();
  void on_bdat(const BdatCommand& command);
  [[nodiscard]] std::optional<Reply> data_refusal() const;
  [[nodiscard]] std::optional<Reply> bdat_refusal() const;
  void refuse_chunk(Reply refusal);
  void on_begin_accepted(Reply reply);
  void on_begin_refused(Reply refusal);
  [[nodiscard]] bool read_text();
  [[nodiscard]] bool read_chunk();
  [[nodiscard]] bool read_refused_chunk();
  void take_text(std::string_view text);
  void end_chunk();
  void end_message();
  void on_end_accepted(Reply reply);
  void on_end_refused(Reply refusal);

  // server_session_security.cpp
  void on_xclient(std::string_view line);
  void on_starttls();
  void on_auth(const AuthCommand& command);
  [[nodiscard]] std::optional<Reply> auth_refusal(const AuthCommand& command) const;
  [[nodiscard]] const AuthMechanism* find_mechanism(std::string_view name) const;
  [[nodiscard]] bool is_offered(const AuthMechanism& mechanism) const;
  void on_response(std::string_view line);
  void ask_authentication(std::string_view encoded, bool is_first);
  void end_authentication();

  std::shared_ptr<const ServerSettings> settings_;
  LineBuffer input_;
  SessionFacts facts_;
  std::unique_ptr<Transaction> transaction_;  // there is one from MAIL_STARTED to DATA_RECEIVING
  ChunkReader chunk_;
  State state_ = State::start;
  Reading reading_ = Reading::commands;
  bool greeted_ = false;
  bool session_refused_ = false;    // by 554: only QUIT is served
  bool awaits_first_octet_ = true;  // on this channel
  bool awaits_first_line_ = true;
  bool shutting_down_ = false;
  std::uint32_t bad_line_ = 0;  // see take_bad_line()

  // The question, and what it is about.
  Question question_ = Question::none;
  bool to_be_asked_ = false;
  bool is_first_step_ = false;                // of an authentication
  const AuthMechanism* mechanism_ = nullptr;  // of the authentication under way
  std::optional<Secret> response_;
  std::string asked_text_;  // VRFY's
  std::optional<XclientCommand> client_;
  bool may_name_client_ = false;
  std::string given_hello_;  // by XCLIENT: whatever EHLO says after it

  // Effects that wait for next(), in this order; then the question, then the end.
  std::string_view message_bytes_;
  bool to_be_dropped_message_ = false;
  bool to_be_dropped_authentication_ = false;
  std::optional<Reply> reply_;
  bool close_told_ = false;

  std::optional<Reply> refusal_;  // what the message or chunk being thrown away will be answered with
};

}  // namespace posthorn::smtp
