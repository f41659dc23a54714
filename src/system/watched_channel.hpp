// WatchedChannel: a ControlChannel on an event loop: packets are awaited, not polled for. The loop's thread only.
#pragma once

#include "system/control_channel.hpp"
#include "system/polled_descriptor.hpp"
#include "world/task.hpp"

#include <memory>

namespace posthorn::system {

class WatchedChannel {
 public:
  static Result<std::unique_ptr<WatchedChannel>> make(EventLoop& loop, ControlChannel channel);
  WatchedChannel(ControlChannel channel, PolledDescriptor watched)
      : channel_(std::move(channel)), watched_(std::move(watched)) {}

  /// The next packet. Errors: ended (the other end has gone), corrupt, closed (our own close()).
  world::Task<Result<ControlPacket>> next();
  /// Waits for room, but not long: the other end reads.
  [[nodiscard]] Result<> send(std::uint16_t kind, std::string_view payload = {},
                              std::span<const int> descriptors = {}) const {
    return channel_.send(kind, payload, descriptors);
  }
  /// Ends next(), now and later.
  void close() { watched_.cancel(); }

 private:
  ControlChannel channel_;
  PolledDescriptor watched_;  ///< a second descriptor of the same socket
};

}  // namespace posthorn::system
