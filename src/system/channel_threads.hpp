// ChannelThreads: the inside of a process that answers questions: each channel has a thread of its own, so that several ask at
// once and a slow one keeps nobody waiting. An answer bears the number of its question (system/keys_wire). What is malformed
// ends the channel that brought it.
#pragma once

#include "system/control_channel.hpp"
#include "system/keys_wire.hpp"
#include "system/thread.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::system {

class ChannelThreads {
 public:
  static constexpr std::size_t most_channels = 128;

  struct Reply {
    KeysPacket kind = KeysPacket::fault;
    std::string body;
    Descriptor file{};
  };
  /// Any of the threads. Errors end the channel.
  using Answer = std::function<Result<Reply>(KeysPacket kind, std::string_view body)>;

  explicit ChannelThreads(Answer answer) : answer_(std::move(answer)) {}
  /// Waits for the threads, which end when the other ends of their channels have gone.
  ~ChannelThreads() = default;
  ChannelThreads(const ChannelThreads&) = delete;
  ChannelThreads& operator=(const ChannelThreads&) = delete;

  /// Serves the channel until its other end has gone. One thread calls this.
  void add(ControlChannel channel);

 private:
  struct Served {
    explicit Served(ControlChannel its) : channel(std::move(its)) {}
    ControlChannel channel;
    std::atomic<bool> ended = false;
    Thread thread{};
  };

  void serve(const ControlChannel& channel) const;
  [[nodiscard]] Result<> answer(const ControlChannel& channel, ControlPacket packet) const;

  Answer answer_;
  std::list<Served> served_;
};

}  // namespace posthorn::system
