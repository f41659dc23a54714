#include "system/watched_channel.hpp"

#include "system/system_error.hpp"

#include <fcntl.h>

#include <utility>

namespace posthorn::system {

Result<std::unique_ptr<WatchedChannel>> WatchedChannel::make(EventLoop& loop, ControlChannel channel) {
  Descriptor second{::fcntl(channel.descriptor(), F_DUPFD_CLOEXEC, 0)};
  if (!second.is_open()) return system_failure("watch another process");
  auto watched = PolledDescriptor::make(loop, std::move(second));
  if (!watched) return failure(std::move(watched.error()));
  return std::make_unique<WatchedChannel>(std::move(channel), std::move(*watched));
}

world::Task<Result<ControlPacket>> WatchedChannel::next() {
  while (!watched_.is_cancelled()) {
    auto packet = channel_.try_receive();
    if (!packet) co_return failure(std::move(packet.error()));
    if (*packet) co_return std::move(**packet);
    static_cast<void>(co_await watched_.wait(PolledDescriptor::Direction::read, never));
  }
  co_return failure(Error::Kind::closed, "no longer waiting for the other process");
}

}  // namespace posthorn::system
