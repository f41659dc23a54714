// ConversationWatcher: who follows a conversation with a server as it runs: the screen of `send`, the record of `probe`.
// Called on the loop's thread, in the order in which things happen; it must not wait.
#pragma once

#include "base/ip_address.hpp"
#include "smtp/client_effect.hpp"
#include "world/tls.hpp"

#include <cstdint>
#include <string_view>

namespace posthorn::service {

class ConversationWatcher {
 public:
  ConversationWatcher() = default;
  ConversationWatcher(const ConversationWatcher&) = delete;
  ConversationWatcher& operator=(const ConversationWatcher&) = delete;
  virtual ~ConversationWatcher() = default;

  /// Before there is a conversation: the next address is tried, or the last one could not be reached.
  virtual void on_connecting(const Endpoint& to) = 0;
  virtual void on_unreachable(const Endpoint& to, std::string_view why) = 0;
  virtual void on_state(smtp::ClientState state) = 0;
  /// The peer's text is not cleaned.
  virtual void on_line(const smtp::DialogueLine& line) = 0;
  virtual void on_tls(const world::TlsFacts& facts) = 0;
  /// How long the message's text is, before any of it is sent.
  virtual void on_size(std::uint64_t octets) = 0;
  /// A piece of the message's text is about to be sent.
  virtual void on_text(std::string_view piece) = 0;
};

}  // namespace posthorn::service
