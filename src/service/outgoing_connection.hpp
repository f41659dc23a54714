// OutgoingConnection: the driver of one client session over one connection, for the relay: it may carry several messages,
// one after another. Every wait has the deadline of its step. It keeps the dialogue of the current message, without the
// text and without secrets, for the operator; a watcher may follow the conversation as it runs (`send`, `probe`).
#pragma once

#include "base/secret.hpp"
#include "service/conversation_watcher.hpp"
#include "service/text_source.hpp"
#include "smtp/client_session.hpp"
#include "world/loop.hpp"
#include "world/network.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

struct Credentials {
  std::string user;
  Secret password;
};

struct OutgoingSettings {
  std::shared_ptr<const smtp::ClientSettings> session;
  world::TlsClientPolicy tls;
  std::optional<Credentials> credentials;
  std::size_t dialogue_octets = 16 << 10;  ///< kept of one message's dialogue
  ConversationWatcher* watcher = nullptr;  ///< outlives the connection; none: nobody looks
};

/// What became of a message.
struct Sent {
  smtp::MessageDone done;
  std::optional<smtp::SessionEnd> end;  ///< the connection is over, and why
};

class OutgoingConnection {
 public:
  /// `host`: by which name it was reached, for reports.
  OutgoingConnection(world::Loop& loop, std::unique_ptr<world::Stream> stream, std::string host,
                     OutgoingSettings settings);

  /// TLS from the first byte, before anything else, where the session's settings say so. Errors: timed_out, tls, …
  [[nodiscard]] world::Task<Result<>> encrypt();
  /// From the greeting to where a message can be sent. An end: that did not come about.
  [[nodiscard]] world::Task<std::optional<smtp::SessionEnd>> open();
  /// Sends a message; `text` is read from where it stands. One at a time.
  [[nodiscard]] world::Task<Sent> send(smtp::ClientMessage message, TextSource& text);
  /// Another command than a mail's, between messages, for the probe: sent alone, and its whole reply awaited as long as RSET's.
  /// Error: none came, or what is none, and the connection is closed: timed_out, ended, invalid (no SMTP), …
  [[nodiscard]] world::Task<Result<smtp::PeerReply>> ask(std::string line);
  /// After a TURN that was taken the word is ours: this line, and the connection is closed.
  [[nodiscard]] world::Task<> hang_up(std::string line);
  /// Ends the session by QUIT and waits for its answer as long as the settings say.
  [[nodiscard]] world::Task<> quit();

  /// Another message may be sent.
  [[nodiscard]] bool is_usable() const { return !session_.has_ended() && session_.takes_more(); }
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] bool is_encrypted() const { return session_.is_encrypted(); }
  /// What the server offered.
  [[nodiscard]] const smtp::PeerExtensions& peer() const { return session_.peer(); }
  [[nodiscard]] const std::optional<world::TlsFacts>& tls() const { return tls_; }
  [[nodiscard]] std::uint32_t messages() const { return session_.messages(); }
  [[nodiscard]] std::string take_dialogue();

 private:
  /// Performs effects until the message is done or the connection is over.
  [[nodiscard]] world::Task<> drive(TextSource* text);
  [[nodiscard]] world::Task<> perform(smtp::ClientEffect effect, TextSource* text);
  [[nodiscard]] world::Task<> write(const smtp::SendBytes& send);
  [[nodiscard]] world::Task<> read(smtp::Step step);
  [[nodiscard]] world::Task<> provide(TextSource* text);
  [[nodiscard]] world::Task<> upgrade();
  [[nodiscard]] world::Task<Result<>> shake_hands(MonotonicTime deadline);
  void tell(const smtp::DialogueLine& line);
  void tell_garbage(std::string_view line);
  [[nodiscard]] world::Task<bool> heard_early();
  [[nodiscard]] world::Task<Result<>> hear_nothing();
  [[nodiscard]] world::Task<Result<smtp::PeerReply>> hear_reply(MonotonicTime deadline);
  void authenticate(const smtp::StartAuthentication& question);
  void respond(const smtp::AnswerChallenge& question);
  void keep(const smtp::DialogueLine& line);

  world::Loop& loop_;
  std::unique_ptr<world::Stream> stream_;
  std::string host_;
  OutgoingSettings settings_;
  smtp::ClientSession session_;
  std::optional<smtp::MessageDone> done_;
  std::optional<smtp::SessionEnd> end_;
  std::optional<world::TlsFacts> tls_;
  std::string dialogue_;
  std::optional<MonotonicTime> reply_deadline_;  // of the reply that is awaited, however many pieces it comes in
  bool idle_ = false;
};

}  // namespace posthorn::service
