// SendScreen: what the user sees of a conversation: each state as [STATE], what we say after ">>>", what the server says after
// "<<<"; of the message its subject and, on a terminal, how far a large text has come. The server's words are cleaned.
#pragma once

#include "cli/console.hpp"
#include "service/conversation_watcher.hpp"

#include <cstdint>
#include <string_view>

namespace posthorn::cli {

class SendScreen final : public service::ConversationWatcher {
 public:
  struct Settings {
    bool quiet = false;
    bool shows_progress = false;  ///< standard error is a terminal
  };

  SendScreen(Console& console, Settings settings) : console_(console), settings_(settings) {}

  void on_connecting(const Endpoint& to) override;
  void on_unreachable(const Endpoint& to, std::string_view why) override;
  void on_state(smtp::ClientState state) override;
  void on_line(const smtp::DialogueLine& line) override;
  void on_tls(const world::TlsFacts& facts) override;
  void on_size(std::uint64_t octets) override { size_ = octets; }
  void on_text(std::string_view piece) override;

 private:
  void show_state(std::string_view name, Paint paint);
  void show(std::string_view text);
  void show_header(std::string_view piece);
  void show_progress();
  void end_text();

  Console& console_;
  Settings settings_;
  std::uint64_t size_ = 0;
  std::uint64_t sent_ = 0;
  unsigned shown_percent_ = 0;
  std::size_t bar_octets_ = 0;
  bool in_text_ = false;
  bool bar_is_shown_ = false;
  bool expects_hello_ = false;
};

}  // namespace posthorn::cli
