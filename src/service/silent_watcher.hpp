// A conversation that nobody follows.
#pragma once

#include "service/conversation_watcher.hpp"

namespace posthorn::service {

class SilentWatcher final : public ConversationWatcher {
 public:
  void on_connecting(const Endpoint& /*to*/) override {}
  void on_unreachable(const Endpoint& /*to*/, std::string_view /*why*/) override {}
  void on_state(smtp::ClientState /*state*/) override {}
  void on_line(const smtp::DialogueLine& /*line*/) override {}
  void on_tls(const world::TlsFacts& /*facts*/) override {}
  void on_size(std::uint64_t /*octets*/) override {}
  void on_text(std::string_view /*piece*/) override {}
};

}  // namespace posthorn::service
