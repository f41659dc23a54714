// ProbeRecord: a conversation as `probe` keeps it: each command with its whole answer and how long that took, and every line
// for whoever shows them. The server's words are cleaned here.
#pragma once

#include "service/conversation_watcher.hpp"
#include "smtp/client_reply_table.hpp"
#include "world/loop.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

struct ProbeStep {
  smtp::ProbedCommand command = smtp::ProbedCommand::connection;
  unsigned code = 0;  ///< 0: no whole answer came
  std::string reply;  ///< its lines joined by one space, cleaned
  Duration took{};    ///< until its last line; of the connection, from the attempt to connect

  [[nodiscard]] smtp::ReplyVerdict verdict() const { return smtp::verdict_on(command, code); }
};

class ProbeRecord final : public ConversationWatcher {
 public:
  /// `show` gets each line of the transcript, without its end.
  ProbeRecord(world::Loop& loop, std::function<void(std::string_view)> show) : loop_(loop), show_(std::move(show)) {}

  void on_connecting(const Endpoint& to) override;
  void on_unreachable(const Endpoint& to, std::string_view why) override;
  void on_state(smtp::ClientState state) override;
  void on_line(const smtp::DialogueLine& line) override;
  void on_tls(const world::TlsFacts& facts) override;
  void on_size(std::uint64_t octets) override;
  void on_text(std::string_view piece) override;

  [[nodiscard]] const std::vector<ProbeStep>& steps() const { return steps_; }
  [[nodiscard]] const std::optional<Endpoint>& endpoint() const { return endpoint_; }
  [[nodiscard]] const std::optional<world::TlsFacts>& tls() const { return tls_; }
  [[nodiscard]] Duration handshake() const { return handshake_; }

 private:
  void begin(smtp::ProbedCommand command);
  void hear(std::string_view line);
  void say(std::string_view line);

  world::Loop& loop_;
  std::function<void(std::string_view)> show_;
  std::vector<ProbeStep> steps_;
  std::optional<Endpoint> endpoint_;
  std::optional<world::TlsFacts> tls_;
  MonotonicTime step_began_{};
  MonotonicTime last_event_{};
  Duration handshake_{};
  bool reply_ended_ = false;  // of the last step
  std::string text_line_;     // of the message, as far as it was sent
};

}  // namespace posthorn::service
