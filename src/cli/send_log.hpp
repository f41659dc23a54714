// SendLog: the log of one background process: a line for each thing that happens, with its time, the dialogue of each attempt
// among them. Bounded; a line that cannot be written is dropped.
#pragma once

#include "service/conversation_watcher.hpp"
#include "world/clock.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace posthorn::cli {

class SendLog final : public service::ConversationWatcher {
 public:
  static constexpr std::uint64_t most_octets = 8U << 20;

  /// Appends to the file of that name, made if need be.
  [[nodiscard]] static Result<std::unique_ptr<SendLog>> open(world::Folder& folder, const std::string& name,
                                                             const world::Clock& clock);
  SendLog(std::unique_ptr<world::File> file, std::uint64_t size, const world::Clock& clock)
      : file_(std::move(file)), size_(size), clock_(clock) {}

  /// One line; its text is cleaned here.
  void say(std::string_view text);

  void on_connecting(const Endpoint& to) override;
  void on_unreachable(const Endpoint& to, std::string_view why) override;
  void on_state(smtp::ClientState state) override;
  void on_line(const smtp::DialogueLine& line) override;
  void on_tls(const world::TlsFacts& facts) override;
  void on_size(std::uint64_t octets) override;
  void on_text(std::string_view piece) override;

 private:
  std::unique_ptr<world::File> file_;
  std::uint64_t size_;
  const world::Clock& clock_;
};

}  // namespace posthorn::cli
