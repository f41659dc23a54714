// SocketTransport: the plain bytes of one connected socket. Reads into the loop's shared buffer, so that a socket that
// waits holds none; tries at once and waits only when there is nothing. TLS stands on it; so does the draining of a socket
// that was closed before its peer had finished.
#pragma once

#include "base/result.hpp"
#include "system/polled_descriptor.hpp"
#include "world/task.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::system {

class SocketTransport {
 public:
  explicit SocketTransport(PolledDescriptor socket) : socket_(std::move(socket)) {}

  /// As world::Stream::read and write.
  world::Task<Result<std::string_view>> read(MonotonicTime deadline);
  world::Task<Result<>> write(std::string_view bytes, MonotonicTime deadline);

  /// The next read gives these first.
  void put_back(std::string bytes) { put_back_ = std::move(bytes); }

  /// Writes what goes at once; false if that is not all.
  bool write_at_once(std::string_view bytes);

  [[nodiscard]] bool has_unread_bytes() const;
  void interrupt_read() { socket_.interrupt(PolledDescriptor::Direction::read); }
  /// FIN to the peer.
  void end_writing();
  void cancel() { socket_.cancel(); }
  /// Whether closing now could throw away what the peer has not read yet: the kernel answers bytes that nobody read with
  /// RST, and a RST makes many peers drop the last reply.
  [[nodiscard]] bool must_be_drained() const;
  /// Sends FIN and reads again, also after cancel().
  void prepare_to_drain();

  [[nodiscard]] int get() const { return socket_.get(); }
  [[nodiscard]] EventLoop& loop() const { return socket_.loop(); }

 private:
  PolledDescriptor socket_;
  std::string put_back_;
  unsigned calls_without_wait_ = 0;
  bool may_have_more_ = true;  ///< the last read filled the buffer: more may be there
  bool peer_ended_ = false;    ///< or the connection broke
  bool ended_writing_ = false;
};

struct DrainSettings {
  Duration wait = std::chrono::seconds{2};    ///< in all
  std::size_t octets = std::size_t{4} << 20;  ///< in all
  std::size_t sockets = 1'024;                ///< at once on one loop; past it sockets are closed as they are
};

/// Closes the socket; where that could lose the last reply, sends FIN, reads and drops what still comes for a short while
/// in the background, and closes then.
void close_gently(SocketTransport socket, const DrainSettings& settings = {});

}  // namespace posthorn::system
