// One simulated connection: two pipes, one for each direction, and a stream at either end.
#pragma once

#include "sim/loop.hpp"
#include "sim/network.hpp"
#include "sim/random.hpp"
#include "world/network.hpp"
#include "world/wait.hpp"

#include <memory>
#include <string>
#include <utility>

namespace posthorn::sim {

struct PipeWorld {
  Loop& loop;
  Random& random;
  const NetworkSettings& settings;
  RunningHash& carried;  ///< of all connections
};

namespace detail {

/// Bytes from one end to the other: sent, then arrived, then read.
struct Pipe {
  explicit Pipe(PipeWorld where) : world(where), readable(where.loop), writable(where.loop) {}

  PipeWorld world;
  std::string arrived;
  std::size_t under_way = 0;
  MonotonicTime last_arrival{};
  bool end_sent = false;
  bool ended = false;   ///< the writer's end has arrived
  bool broken = false;  ///< reset, as seen from both ends
  world::Event readable;
  world::Event writable;
  std::weak_ptr<Pipe> opposite;

  [[nodiscard]] std::size_t room() const;
  /// Sends pieces towards `self`'s reader; each arrives after a drawn delay, in order.
  static void send(const std::shared_ptr<Pipe>& self, std::string_view bytes);
  static void send_end(const std::shared_ptr<Pipe>& self);
  /// No byte passes any more; both ends see a reset.
  void break_off();

 private:
  static void deliver(const std::shared_ptr<Pipe>& self, std::string piece);
  [[nodiscard]] MonotonicTime draw_arrival();
};

}  // namespace detail

/// A connection from `near` to `far`: the stream at each end.
[[nodiscard]] std::pair<std::unique_ptr<world::Stream>, std::unique_ptr<world::Stream>> make_connection(PipeWorld world,
                                                                                                        Endpoint near,
                                                                                                        Endpoint far);

}  // namespace posthorn::sim
