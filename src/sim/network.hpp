// The simulated network: hosts that listen at endpoints and connect to each other, over pipes that delay, split at any
// byte, fill up, stall, cut and half-close. One loop, one thread; everything is drawn from one Random.
// TLS is a token exchange that fails where a real handshake would (plain text where a hello was due, a policy not met);
// it hides nothing, so that checkers can read along.
#pragma once

#include "sim/loop.hpp"
#include "sim/random.hpp"
#include "world/network.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace posthorn::sim {

struct NetworkSettings {
  Duration least_delay{0};
  Duration most_delay{0};
  unsigned split_percent = 0;      ///< of the writes that arrive in pieces cut at random bytes
  std::size_t window = 64 * 1024;  ///< octets under way or unread before a writer waits
  unsigned cut_per_million = 0;    ///< of the segments that break their connection instead of arriving
};

namespace detail {
struct Pipe;
struct Host;
}  // namespace detail

/// Where a listening port hands over what connects to it.
class Acceptor final : public world::Acceptor {
 public:
  explicit Acceptor(std::shared_ptr<detail::Host> host);
  ~Acceptor() override;
  world::Task<Result<std::unique_ptr<world::Stream>>> accept() override;
  void close() override;
  [[nodiscard]] world::PeerAddress local() const override;

 private:
  std::shared_ptr<detail::Host> host_;
};

class Network final : public world::Network {
 public:
  Network(Loop& loop, Random& random, NetworkSettings settings = {});
  ~Network() override;

  /// Takes the endpoint; connections to it wait in the acceptor until it goes.
  [[nodiscard]] std::unique_ptr<Acceptor> listen(Endpoint at);
  /// From 192.0.2.200 or the options' source, a new port each. Nobody listens: `refused`.
  world::Task<Result<std::unique_ptr<world::Stream>>> connect(world::PeerAddress to, world::ConnectOptions options,
                                                              MonotonicTime deadline) override;

  NetworkSettings& settings() { return settings_; }
  /// Connections made so far.
  [[nodiscard]] std::size_t connections() const { return connections_; }
  /// Mixes in all that was ever sent, and when it arrives.
  void mix_into(RunningHash& hash) const;

 private:
  Loop& loop_;
  Random& random_;
  NetworkSettings settings_;
  std::map<Endpoint, std::weak_ptr<detail::Host>> hosts_;
  std::uint16_t next_port_ = 10'000;
  std::size_t connections_ = 0;
  RunningHash carried_;
};

}  // namespace posthorn::sim
