// The real network: connections to others (world::Network) and acceptors over listening sockets that are bound already
// (system/listeners). One of each per loop.
#pragma once

#include "system/descriptor.hpp"
#include "system/polled_descriptor.hpp"
#include "system/socket_stream.hpp"
#include "world/network.hpp"

#include <memory>
#include <string>

namespace posthorn::system {

class SocketNetwork final : public world::Network {
 public:
  explicit SocketNetwork(StreamEnvironment& environment) : environment_(environment) {}

  world::Task<Result<std::unique_ptr<world::Stream>>> connect(world::PeerAddress to, world::ConnectOptions options,
                                                              MonotonicTime deadline) override;

 private:
  StreamEnvironment& environment_;
};

class SocketAcceptor final : public world::Acceptor {
 public:
  /// `listening` and `local` are of a BoundListener. `refusal` is told to one waiting client each time that no descriptor
  /// is left; empty: they are left waiting.
  static Result<std::unique_ptr<SocketAcceptor>> make(StreamEnvironment& environment, Descriptor listening,
                                                      world::PeerAddress local, std::string refusal = {});
  SocketAcceptor(StreamEnvironment& environment, PolledDescriptor listening, world::PeerAddress local,
                 std::string refusal);

  world::Task<Result<std::unique_ptr<world::Stream>>> accept() override;
  void close() override { listening_.close(); }
  [[nodiscard]] world::PeerAddress local() const override { return local_; }

 private:
  Result<std::unique_ptr<world::Stream>> take(Descriptor socket, world::PeerAddress peer);
  void refuse_one();

  StreamEnvironment& environment_;
  PolledDescriptor listening_;
  world::PeerAddress local_;
  std::string refusal_;
  Descriptor spare_;  ///< given up for a moment to accept and refuse when no other is left
  unsigned accepted_without_wait_ = 0;
};

}  // namespace posthorn::system
