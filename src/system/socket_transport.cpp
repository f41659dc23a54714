#include "system/socket_transport.hpp"

#include "system/loop_core.hpp"
#include "system/system_error.hpp"
#include "world/wait.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace posthorn::system {
namespace {

/// How many system calls in a row a socket may make before the others on its loop have their turn.
constexpr unsigned calls_per_turn = 16;

std::unexpected<Error> closed_here() { return failure(Error::Kind::closed, "closed on our side"); }

[[nodiscard]] bool would_block(int error_number) { return error_number == EAGAIN || error_number == EWOULDBLOCK; }

}  // namespace

world::Task<Result<std::string_view>> SocketTransport::read(MonotonicTime deadline) {
  auto& buffer = loop().core().buffer;
  if (!put_back_.empty()) {
    const auto bytes = std::exchange(put_back_, {});
    std::ranges::copy(bytes, buffer.begin());  // it came from a read of at most so much
    co_return std::string_view{buffer.data(), bytes.size()};
  }
  auto readiness = Readiness::ready;
  if (!may_have_more_ || ++calls_without_wait_ > calls_per_turn) {
    calls_without_wait_ = 0;
    readiness = co_await socket_.wait(PolledDescriptor::Direction::read, deadline);
  }
  while (!socket_.is_cancelled()) {
    if (readiness == Readiness::interrupted) co_return failure(Error::Kind::interrupted, "read: interrupted");
    const auto got = uninterrupted([&] { return ::recv(get(), buffer.data(), buffer.size(), 0); });
    if (got >= 0) {
      may_have_more_ = static_cast<std::size_t>(got) == buffer.size();
      peer_ended_ = got == 0;
      co_return std::string_view{buffer.data(), static_cast<std::size_t>(got)};
    }
    if (!would_block(errno)) {
      peer_ended_ = true;
      co_return system_failure("read");
    }
    if (readiness == Readiness::timed_out) co_return failure(Error::Kind::timed_out, "read: nothing came in time");
    readiness = co_await socket_.wait(PolledDescriptor::Direction::read, deadline);
  }
  co_return closed_here();
}

world::Task<Result<>> SocketTransport::write(std::string_view bytes, MonotonicTime deadline) {
  while (!bytes.empty()) {
    if (++calls_without_wait_ > calls_per_turn) {
      calls_without_wait_ = 0;
      co_await world::move_to(loop());
    }
    if (socket_.is_cancelled()) co_return closed_here();
    const auto sent = uninterrupted([&] { return ::send(get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (!would_block(errno)) {
      peer_ended_ = true;
      co_return system_failure("write");
    }
    const auto readiness = co_await socket_.wait(PolledDescriptor::Direction::write, deadline);
    if (readiness == Readiness::timed_out) co_return failure(Error::Kind::timed_out, "write: no room came in time");
  }
  co_return Result<>{};
}

bool SocketTransport::write_at_once(std::string_view bytes) {
  const auto sent = uninterrupted([&] { return ::send(get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
  return sent >= 0 && static_cast<std::size_t>(sent) == bytes.size();
}

bool SocketTransport::has_unread_bytes() const {
  if (!put_back_.empty()) return true;
  int octets = 0;
  return ::ioctl(get(), FIONREAD, &octets) == 0 && octets > 0;
}

void SocketTransport::end_writing() {
  if (std::exchange(ended_writing_, true)) return;
  ::shutdown(get(), SHUT_WR);
}

void SocketTransport::prepare_to_drain() {
  end_writing();
  socket_.allow_waits();
}

bool SocketTransport::must_be_drained() const { return !peer_ended_ && (ended_writing_ || has_unread_bytes()); }

namespace {

world::Task<> drain(SocketTransport socket, DrainSettings settings) {
  const auto deadline = after(socket.loop().now(), settings.wait);
  // Another reader's view of the shared buffer may be in use while a stream is destroyed: go on from the loop.
  co_await world::move_to(socket.loop());
  for (std::size_t dropped = 0; dropped < settings.octets;) {
    const auto bytes = co_await socket.read(deadline);
    if (!bytes || bytes->empty()) break;
    dropped += bytes->size();
  }
}

}  // namespace

void close_gently(SocketTransport socket, const DrainSettings& settings) {
  auto& lingering = socket.loop().core().lingering;
  if (!socket.must_be_drained() || lingering.size() >= settings.sockets) return;
  socket.prepare_to_drain();
  lingering.start(drain(std::move(socket), settings));
}

}  // namespace posthorn::system
