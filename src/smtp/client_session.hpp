// ClientSession: the sending side of SMTP (RFC 5321) and LMTP (RFC 2033) as a machine without socket, clock or thread.
// Events and bytes go in, effects come out of next(); they do not depend on how the bytes were cut. It serves the relay,
// `posthorn send` and `posthorn probe`.
//
//          220          250                      250       MAIL       250       250        354        end
//   START ─────▶ EHLO ───────▶ STARTTLS, AUTH ───────▶ READY ────▶ FROM ────▶ TO ────▶ DATA ────▶ BODY ────▶ DOT
//                │  ▲          (where wanted)           ▲ ▲          │         │         │                    │ │
//                │  ├── 5yz: HELO │                     │ │          └─────────┴────┬────┴────────────────────┘ │
//                │  └─ handshake ─┘              quit() │ │ send()                  ▼ 4yz, 5yz                  │ 250
//                ▼ 4yz, 5yz                             │ └──────── ERROR_4YZ, ERROR_5YZ                        │
//              ERROR ─────────▶ QUIT ◀──────────────────┴───────────────┘                                       │
//                                │ 221, or anything      READY ◀────────────────────────────────────────────────┘
//                                ▼
//   every state ── lost, timed out, 421, an answer nobody asked for ──▶ CLOSED
//
// It guarantees:
//  - each message that is given gets one MessageDone with an outcome for every recipient; `delivered` only by a 2yz to the
//    end of the message, `unknown` where that end was sent whole and no whole reply came;
//  - commands are pipelined where the server offers it and never otherwise (RFC 2920); with LMTP too;
//  - a reply that came before its command (or the final dot) was sent answers nothing: the session closes, the mail waits;
//  - with RemoteTls::require and verify nothing but EHLO and STARTTLS is sent in the clear; after the handshake all that was
//    learned is forgotten (RFC 3207 §4.2); plain text behind the 220 ends the session;
//  - nothing but <CRLF>.<CRLF> at the end of the message can end it, whatever it contains;
//  - replies, lines of the dialogue and memory are bounded.
//
// The driver's loop:
//   ClientSession session(settings);
//   session.send(message);                      // may be given at once, and after each MessageDone
//   for (;;) {
//     const auto effect = session.next();
//     SendBytes      if (expects_silence && stream has unread bytes) session.spoke_early(them); else write
//     AwaitReply     read with the step's deadline → receive(), connection_lost(), timed_out()
//     AwaitMessage   the next send(), or quit()
//     NeedContent    provide(a piece of some 16 to 64 KiB), at the end end_message()
//     MessageDone    keep the outcomes
//     CloseConnection  end
//   }
#pragma once

#include "base/secret.hpp"
#include "smtp/client_effect.hpp"
#include "smtp/client_extensions.hpp"
#include "smtp/client_settings.hpp"
#include "smtp/client_transaction.hpp"
#include "smtp/data_framing.hpp"
#include "smtp/reply_parser.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {

class ClientSession {
 public:
  explicit ClientSession(std::shared_ptr<const ClientSettings> settings);

  /// The next effect. Not while a question is open.
  [[nodiscard]] ClientEffect next();

  // ---- The driver's wishes ----

  /// Sends a message: now if the session is ready, else as soon as it is. One at a time. After the session has ended it comes
  /// back untried at once.
  void send(ClientMessage message);
  /// Ends the session by QUIT when it is ready. Not while a message is under way.
  void quit();

  // ---- The connection ----

  /// The next bytes from the server.
  void receive(std::string_view bytes);
  /// The server ended its side, or the connection broke while reading; `why` is for the report.
  void connection_lost(std::string_view why);
  /// The bytes of the last SendBytes could not all be written.
  void write_failed(std::string_view why);
  /// The deadline of the step has passed, while reading or writing.
  void timed_out();
  /// Instead of writing a SendBytes that expects silence, or of a handshake: these bytes had come already.
  void spoke_early(std::string_view bytes);

  // ---- Answers to questions ----

  /// NeedContent: the next octets of the message, any number, CRLF line ends.
  void provide(std::string_view piece);
  /// NeedContent: there are no more.
  void end_message();
  /// NeedContent: they cannot be read. The connection is given up, nothing is delivered.
  void message_failed(std::string_view why);
  /// UpgradeToTls: the handshake is done, to the driver's satisfaction.
  void tls_started();
  /// UpgradeToTls: it failed, or the certificate is not good enough.
  void tls_failed(std::string_view why);
  /// StartAuthentication: begin with this mechanism; `initial`: its first response, if it has one, not encoded.
  void authenticate(std::string_view mechanism, std::optional<Secret> initial);
  /// AnswerChallenge: the response, not encoded.
  void respond(const Secret& response);
  /// StartAuthentication, AnswerChallenge: our side cannot go on.
  void cannot_authenticate(std::string_view why);

  // ---- What is known ----

  [[nodiscard]] ClientState state() const { return state_; }
  /// What the server offered last; nothing after HELO.
  [[nodiscard]] const PeerExtensions& peer() const { return peer_; }
  [[nodiscard]] bool is_encrypted() const { return encrypted_; }
  [[nodiscard]] bool is_authenticated() const { return authenticated_; }
  [[nodiscard]] bool has_ended() const { return closing_ || leaving_; }
  /// The line that is no reply, as far as it came, once there was one; not cleaned. The session has ended by it.
  [[nodiscard]] std::string_view garbage() const { return parser_.fault() ? parser_.line() : std::string_view{}; }
  /// Whether the server would take another message, as far as it has said (RFC 9422 MAILMAX).
  [[nodiscard]] bool takes_more() const;
  /// Messages that the server has said something about.
  [[nodiscard]] std::uint32_t messages() const { return messages_; }

 private:
  enum class Question : std::uint8_t { none, content, tls, authentication, challenge };
  // A reply that will come.
  struct Expected {
    Step step = Step::greeting;
    std::size_t recipient = 0;
  };

  // client_session.cpp: the frame.
  [[nodiscard]] ClientEffect hand_out_question();
  [[nodiscard]] bool has_part_of_early_reply() const;
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] bool is_lmtp() const { return settings_->dialect == Dialect::lmtp; }
  [[nodiscard]] Step current_step() const;
  void on_reply(const PeerReply& reply);
  void answer(const Expected& expected, const PeerReply& reply);
  void on_unasked(Step step, const PeerReply& reply);
  void on_unasked(Step step, std::string_view what);
  void on_service_closing(const Expected& expected, const PeerReply& reply);
  void on_garbage(ReplyFault fault);
  void command(Step step, std::string line, std::size_t recipient = 0);
  void secret_command(Step step, std::string_view shown, std::string_view secret);
  void say(DialogueLine::Direction direction, std::string text);
  void show(const PeerReply& reply);
  void become(ClientState state);
  void ask(Question question);
  void answered(Question question);
  void refuse_session(Step step, const PeerReply& reply);
  void unexpected(Step step, const PeerReply& reply);
  void leave(SessionEnd end);
  void lose(SessionEnd end, mail::EnhancedStatus status);
  void abandon_message(const Outcome& outcome);
  void close(SessionEnd end);

  // client_session_opening.cpp: from the greeting to the first message.
  void on_greeting(const PeerReply& reply);
  void say_hello(bool extended);
  void on_hello(const PeerReply& reply);
  void after_hello();
  void on_starttls(const PeerReply& reply);
  void without_tls(SessionEnd end);
  [[nodiscard]] std::vector<std::string> usable_mechanisms() const;
  void start_authentication();
  void cancel_authentication();
  void on_auth(const PeerReply& reply);
  void on_challenge(const PeerReply& reply);
  void not_authenticated(SessionEnd end, std::optional<Outcome> refused = std::nullopt);
  void ready();

  // client_session_mail.cpp: a message.
  [[nodiscard]] bool uses_pipeline() const { return settings_->pipelining && peer_.pipelining && !masked_; }
  void begin_message();
  void send_envelope();
  void send_recipient(std::size_t recipient);
  void on_reset(const PeerReply& reply);
  void on_mail(const PeerReply& reply);
  void on_recipient(std::size_t recipient, const PeerReply& reply);
  void after_recipients();
  void on_data(const PeerReply& reply);
  void start_content();
  [[nodiscard]] std::optional<TextFault> add_to_chunk(std::string_view piece);
  void give_up_message(std::string_view why);
  void content_fault(TextFault fault);
  void on_end(std::size_t recipient, const PeerReply& reply);
  void finish_message(bool needs_seven_bit = false);

  std::shared_ptr<const ClientSettings> settings_;
  ReplyParser parser_;
  PeerExtensions peer_;
  ClientState state_ = ClientState::start;

  // What next() gives, in this order.
  std::deque<ClientEffect> effects_;
  std::string out_;  // bytes to be sent
  Question question_ = Question::none;
  bool asked_ = false;  // the question was handed out

  std::string sending_;               // bytes handed out last
  std::deque<Expected> outstanding_;  // replies to what was handed out
  std::deque<Expected> unsent_;       // replies to what is in out_
  std::string challenge_;
  std::string authentication_fault_;
  unsigned challenges_ = 0;

  std::optional<ClientMessage> waiting_;  // given before the session was ready
  std::optional<ClientTransaction> transaction_;
  DotEncoder encoder_;
  LineEndChecker checker_;
  std::uint64_t content_octets_ = 0;  // of the message, provided so far
  bool by_chunks_ = false;            // the message goes by BDAT
  std::uint32_t messages_ = 0;
  std::uint32_t transactions_ = 0;  // begun since EHLO
  bool dirty_ = false;              // a transaction was begun and not ended: RSET before the next

  bool extended_ = false;  // EHLO or LHLO, not HELO
  bool masked_ = false;    // a greeting of asterisks: a firewall that spoils extensions
  bool encrypted_ = false;
  bool tls_refused_ = false;
  bool authenticated_ = false;
  bool cancelling_ = false;  // the SASL exchange
  bool is_ready_ = false;    // the opening is done
  bool quit_asked_ = false;
  bool leaving_ = false;  // QUIT is the last command
  bool closing_ = false;
  SessionEnd end_;
};

}  // namespace posthorn::smtp
