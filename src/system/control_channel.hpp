// ControlChannel: one end of a socket between two processes of ours: packets of a fixed header (mark, kind, length), a
// bounded payload and a few descriptors. The receiver takes the sender for hostile: a packet that is too long, cut, or of
// another length than it says is an error, after which the channel is of no more use; descriptors beyond the limit are
// closed. Every wait has a limit.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "system/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::system {

struct ControlLimits {
  static constexpr std::size_t payload = 48'000;  ///< octets
  static constexpr std::size_t descriptors = 4;
};

struct ControlPacket {
  std::uint16_t kind = 0;  ///< what it means is for those who use the channel to say
  std::string payload;
  std::vector<Descriptor> descriptors;
};

/// The octets of a packet, and back. Errors: corrupt.
[[nodiscard]] std::string encode_control(std::uint16_t kind, std::string_view payload);
[[nodiscard]] Result<ControlPacket> decode_control(std::string_view octets);

class ControlChannel {
 public:
  /// Two ends that talk to each other (SOCK_SEQPACKET, close-on-exec, non-blocking).
  static Result<std::pair<ControlChannel, ControlChannel>> make_pair();
  explicit ControlChannel(Descriptor socket) : socket_(std::move(socket)) {}

  /// Waits for room for so long. The descriptors stay the caller's. Errors: reset (the other end has gone), timed_out,
  /// invalid (too long).
  [[nodiscard]] Result<> send(std::uint16_t kind, std::string_view payload, std::span<const int> descriptors = {},
                              Duration limit = std::chrono::seconds{2}) const;
  /// Empty when nothing is there now. Errors: ended (the other end has gone), corrupt.
  [[nodiscard]] Result<std::optional<ControlPacket>> try_receive() const;
  /// Waits for so long. Errors: as try_receive(), timed_out.
  [[nodiscard]] Result<ControlPacket> receive(Duration limit) const;

  /// The other end finds that we have gone; the descriptor stays. Any thread.
  void hang_up() const;
  [[nodiscard]] int descriptor() const { return socket_.get(); }
  [[nodiscard]] Descriptor release() { return std::move(socket_); }

 private:
  Descriptor socket_;
};

}  // namespace posthorn::system
