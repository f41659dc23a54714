// StreamEnvironment: what the streams of one loop share. Lives longer than they do.
#pragma once

#include "base/result.hpp"
#include "system/event_loop.hpp"
#include "world/workers.hpp"

#include <memory>

namespace posthorn::system {

class TlsClientContext;

class StreamEnvironment {
 public:
  /// `handshakes` do the heavy part of TLS handshakes: as many threads as there are processors.
  StreamEnvironment(EventLoop& loop, world::Workers& handshakes);
  StreamEnvironment(const StreamEnvironment&) = delete;
  StreamEnvironment& operator=(const StreamEnvironment&) = delete;
  ~StreamEnvironment();

  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] world::Workers& handshakes() { return handshakes_; }
  /// For TLS to other servers. Made when first asked for: reads the system's store of roots.
  [[nodiscard]] Result<std::shared_ptr<const TlsClientContext>> client_tls();

 private:
  EventLoop& loop_;
  world::Workers& handshakes_;
  std::shared_ptr<const TlsClientContext> client_tls_;
};

}  // namespace posthorn::system
