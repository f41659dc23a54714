// SocketStream: the real world::Stream, on a connected TCP or UNIX socket. An idle one costs a few hundred octets here and
// no buffer. Destroying it lets what was written reach the peer (system/socket_transport: close_gently).
#pragma once

#include "system/socket_transport.hpp"
#include "world/network.hpp"
#include "world/workers.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace posthorn::system {

/// What every stream of a loop needs.
struct StreamEnvironment {
  EventLoop& loop;
  world::Workers& handshakes;  ///< where the heavy part of TLS handshakes is done
};

class SocketStream final : public world::Stream {
 public:
  SocketStream(SocketTransport transport, world::PeerAddress peer, const StreamEnvironment& environment);
  ~SocketStream() override;

  world::Task<Result<std::string_view>> read(MonotonicTime deadline) override;
  world::Task<Result<>> write(std::string_view bytes, MonotonicTime deadline) override;
  world::Task<Result<world::TlsFacts>> start_tls(world::TlsServerPolicy policy, MonotonicTime deadline) override;
  world::Task<Result<world::TlsFacts>> start_tls(world::TlsClientPolicy policy, MonotonicTime deadline) override;
  [[nodiscard]] bool has_unread_bytes() override;
  void interrupt_read() override { transport_.interrupt_read(); }
  void end_writing() override;
  void close() override;
  [[nodiscard]] world::PeerAddress peer() const override { return peer_; }
  [[nodiscard]] world::PeerAddress local() const override;
  [[nodiscard]] Result<unsigned> peer_user() const override;
  [[nodiscard]] EventLoop& loop() const { return transport_.loop(); }

 private:
  SocketTransport transport_;
  world::PeerAddress peer_;
};

}  // namespace posthorn::system
