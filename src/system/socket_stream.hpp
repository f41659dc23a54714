// SocketStream: the real world::Stream, on a connected TCP or UNIX socket, with or without TLS. An idle one costs a few
// hundred octets here and no buffer. Destroying it lets what was written reach the peer (system/socket_transport:
// close_gently).
#pragma once

#include "system/socket_transport.hpp"
#include "system/stream_environment.hpp"
#include "world/network.hpp"

#include <memory>
#include <string_view>

namespace posthorn::system {

class TlsConnection;
class TlsSession;

class SocketStream final : public world::Stream {
 public:
  SocketStream(SocketTransport transport, world::PeerAddress peer, StreamEnvironment& environment);
  ~SocketStream() override;

  world::Task<Result<std::string_view>> read(MonotonicTime deadline) override;
  world::Task<Result<>> write(std::string_view bytes, MonotonicTime deadline) override;
  world::Task<Result<world::TlsFacts>> start_tls(world::TlsServerPolicy policy, MonotonicTime deadline) override;
  world::Task<Result<world::TlsFacts>> start_tls(world::TlsClientPolicy policy, MonotonicTime deadline) override;
  [[nodiscard]] bool has_unread_bytes() override;
  void put_back(std::string bytes) override { transport_.put_back(std::move(bytes)); }
  void interrupt_read() override { transport_.interrupt_read(); }
  void end_writing() override;
  void close() override;
  [[nodiscard]] world::PeerAddress peer() const override { return peer_; }
  [[nodiscard]] world::PeerAddress local() const override;
  [[nodiscard]] Result<unsigned> peer_user() const override;
  [[nodiscard]] EventLoop& loop() const { return transport_.loop(); }
  [[nodiscard]] int descriptor() const { return transport_.get(); }

 private:
  world::Task<Result<std::unique_ptr<TlsConnection>>> shake_hands(std::unique_ptr<TlsSession> session,
                                                                  MonotonicTime deadline);

  SocketTransport transport_;
  world::PeerAddress peer_;
  StreamEnvironment& environment_;
  std::unique_ptr<TlsConnection> tls_;
};

}  // namespace posthorn::system
