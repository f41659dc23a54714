// One attempt of `send` to give a message to a server: connect, greet, send to everybody who is still waiting, QUIT. It says
// what became of each recipient and, where something else went wrong, what. What follows from it is rules/send_rules' to say.
#pragma once

#include "mail/envelope.hpp"
#include "rules/send_rules.hpp"
#include "service/file_letter.hpp"
#include "service/server_access.hpp"
#include "world/workers.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::service {

struct SendWorld {
  ClientNetwork network;
  world::Workers& workers;
};

/// What is sent, whatever happens to it.
struct SendOrder {
  std::optional<mail::Address> sender;  ///< none: `<>`
  std::vector<mail::Address> recipients;
  const FileLetter& letter;
};

/// `watcher` sees it as it runs. What is given to it outlives it.
class SendAttempt {
 public:
  SendAttempt(SendWorld world, const ServerAccess& access, const SendOrder& order, ConversationWatcher& watcher)
      : world_(world), access_(access), order_(order), watcher_(watcher) {}

  [[nodiscard]] world::Task<rules::SendReport> run();

 private:
  [[nodiscard]] world::Task<std::optional<smtp::SessionEnd>> converse(OutgoingConnection& connection);
  [[nodiscard]] world::Task<Result<std::unique_ptr<LetterText>>> prepare(const OutgoingConnection& connection);
  [[nodiscard]] smtp::ClientMessage next_message(const LetterText& text);
  void note_unreachable(const Error& error);
  void note(const smtp::MessageDone& done);

  SendWorld world_;
  const ServerAccess& access_;
  const SendOrder& order_;
  ConversationWatcher& watcher_;
  mail::BodyType body_ = mail::BodyType::seven_bit;
  bool smtputf8_ = false;
  std::vector<std::size_t> tried_;  // places of the recipients of the message under way
  rules::SendReport report_;
};

}  // namespace posthorn::service
