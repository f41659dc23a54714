#include "system/channel_threads.hpp"

#include "base/secret.hpp"

#include <cstdint>
#include <span>
#include <utility>

namespace posthorn::system {
namespace {

constexpr Duration idle = std::chrono::hours{1};

}  // namespace

void ChannelThreads::add(ControlChannel channel) {
  std::erase_if(served_, [](const Served& served) { return served.ended.load(); });
  if (served_.size() >= most_channels) return;
  auto& served = served_.emplace_back(std::move(channel));
  served.thread = Thread{"channel", [this, &served] {
                           serve(served.channel);
                           served.ended = true;
                         }};
}

void ChannelThreads::serve(const ControlChannel& channel) const {
  for (;;) {
    auto packet = channel.receive(idle);
    if (!packet && packet.error().kind != Error::Kind::timed_out) break;
    if (packet && !answer(channel, std::move(*packet))) break;
  }
  channel.hang_up();
}

Result<> ChannelThreads::answer(const ControlChannel& channel, ControlPacket packet) const {
  if (!packet.descriptors.empty()) return failure(Error::Kind::corrupt, "descriptors where none may be");
  const Secret payload{std::move(packet.payload)};  // perhaps a password
  std::string_view body{payload.reveal()};
  const auto number = take_number(body);
  if (!number) return failure(Error::Kind::corrupt, "a question without a number");
  const auto reply = answer_(static_cast<KeysPacket>(packet.kind), body);
  if (!reply) return failure(reply.error());
  const int file = reply->file.get();
  const std::span<const int> files{&file, reply->file.is_open() ? 1U : 0U};
  return channel.send(static_cast<std::uint16_t>(reply->kind), with_number(*number, reply->body), files);
}

}  // namespace posthorn::system
