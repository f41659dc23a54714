#include "system/control_channel.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "system/system_error.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace posthorn::system {
namespace {

constexpr std::uint16_t packet_mark = 0x5048;  // "HP": not a packet of something else
constexpr std::size_t header_size = 8;

Error other_end_gone() { return {Error::Kind::ended, "the process at the other end has gone"}; }

/// False: not within the limit.
Result<> wait_for(int socket, short what, Duration limit) {
  pollfd watched{.fd = socket, .events = what, .revents = 0};
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  const auto found = uninterrupted([&] { return ::poll(&watched, 1, static_cast<int>(wait)); });
  if (found < 0) return system_failure("wait for the other process");
  if (found == 0) return failure(Error::Kind::timed_out, "the other process does not answer");
  return {};
}

/// Room for the descriptors that go with a packet, aligned as the kernel wants it.
struct Ancillary {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(ControlLimits::descriptors * sizeof(int))> octets{};
};

void attach(msghdr& message, Ancillary& room, std::span<const int> descriptors) {
  if (descriptors.empty()) return;
  message.msg_control = room.octets.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  auto* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
}

/// All that came, so that what we do not want is closed.
std::vector<Descriptor> take_descriptors(msghdr& message) {
  std::vector<Descriptor> taken;
  for (auto* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(head) + i * sizeof number, sizeof number);
      taken.emplace_back(number);
    }
  }
  return taken;
}

}  // namespace

std::string encode_control(std::uint16_t kind, std::string_view payload) {
  ByteWriter writer;
  writer.put(packet_mark);
  writer.put(kind);
  writer.put_text(payload);
  return writer.take();
}

Result<ControlPacket> decode_control(std::string_view octets) {
  ByteReader reader{octets};
  const auto mark = reader.take<std::uint16_t>();
  const auto kind = reader.take<std::uint16_t>();
  const auto payload = reader.take_text(ControlLimits::payload);
  if (!reader.complete() || mark != packet_mark) {
    return failure(Error::Kind::corrupt, "the other process sent something that is no packet");
  }
  return ControlPacket{.kind = kind, .payload = std::string{payload}, .descriptors = {}};
}

Result<std::pair<ControlChannel, ControlChannel>> ControlChannel::make_pair() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return system_failure("make a socket between processes");
  }
  return std::pair{ControlChannel{Descriptor{ends[0]}}, ControlChannel{Descriptor{ends[1]}}};
}

Result<> ControlChannel::send(std::uint16_t kind, std::string_view payload, std::span<const int> descriptors,
                              Duration limit) const {
  if (payload.size() > ControlLimits::payload || descriptors.size() > ControlLimits::descriptors) {
    return failure(Error::Kind::invalid, "a packet between processes is too large");
  }
  auto octets = encode_control(kind, payload);
  iovec piece{.iov_base = octets.data(), .iov_len = octets.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  Ancillary room;
  attach(message, room, descriptors);
  for (;;) {
    const auto sent = uninterrupted([&] { return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT); });
    if (sent >= 0) return {};
    if (errno != EAGAIN && errno != ENOBUFS) return failure(other_end_gone());
    if (auto ready = wait_for(socket_.get(), POLLOUT, limit); !ready) return ready;
  }
}

Result<std::optional<ControlPacket>> ControlChannel::try_receive() const {
  thread_local std::string octets(header_size + ControlLimits::payload, '\0');
  iovec piece{.iov_base = octets.data(), .iov_len = octets.size()};
  Ancillary room;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = room.octets.data();
  message.msg_controllen = room.octets.size();
  const auto got = uninterrupted([&] { return ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT); });
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  if (got <= 0) return failure(other_end_gone());
  auto descriptors = take_descriptors(message);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return failure(Error::Kind::corrupt, "the other process sent more than a packet holds");
  }
  auto packet = decode_control(std::string_view{octets}.substr(0, static_cast<std::size_t>(got)));
  if (!packet) return failure(std::move(packet.error()));
  packet->descriptors = std::move(descriptors);
  return std::optional{std::move(*packet)};
}

void ControlChannel::hang_up() const { ::shutdown(socket_.get(), SHUT_RDWR); }

Result<ControlPacket> ControlChannel::receive(Duration limit) const {
  for (;;) {
    auto packet = try_receive();
    if (!packet) return failure(std::move(packet.error()));
    if (*packet) return std::move(**packet);
    if (auto ready = wait_for(socket_.get(), POLLIN, limit); !ready) return failure(std::move(ready.error()));
  }
}

}  // namespace posthorn::system
