// KeysService: the inside of the keys process, apart from the process: it answers the packets of its parent, who gives it
// the keys, and those of the engine, who may have things signed. Each channel to the engine has a thread of its own, so that
// several ask at once and a slow one keeps nobody waiting. What is malformed ends the channel that brought it.
#pragma once

#include "system/control_channel.hpp"
#include "system/key_ring.hpp"
#include "system/thread.hpp"

#include <atomic>
#include <list>

namespace posthorn::system {

class KeysService {
 public:
  static constexpr std::size_t most_channels = 64;

  /// Serves the parent until it has gone.
  void serve_parent(const ControlChannel& parent);
  /// Serves one channel of the engine until its other end has gone; in a thread of its own.
  void add_channel(ControlChannel channel);
  [[nodiscard]] KeyRing& keys() { return keys_; }
  /// Waits for the threads, which end when the other ends of their channels have gone.
  ~KeysService() = default;

 private:
  struct Served {
    ControlChannel channel;
    std::atomic<bool> ended = false;
    Thread thread{};
  };

  /// False: the parent breaks the rules.
  bool obey(const ControlChannel& parent, ControlPacket packet);
  bool take_identity(ControlPacket packet);
  [[nodiscard]] LoadedKeys load();
  void serve(const ControlChannel& channel) const;
  /// An answer on its way: its kind and body, and perhaps a file.
  struct Reply {
    KeysPacket kind = KeysPacket::fault;
    std::string body;
    Descriptor file{};
  };
  [[nodiscard]] Result<> answer(const ControlChannel& channel, const ControlPacket& packet) const;
  [[nodiscard]] Result<Reply> reply_to(KeysPacket kind, std::string_view body) const;
  [[nodiscard]] Reply list() const;

  struct Sent {
    TlsIdentityFiles files;
    Descriptor certificate;
    Descriptor key;
  };
  KeyRing keys_;
  std::vector<Sent> sent_;  ///< identities that the parent has sent since the last load
  std::list<Served> served_;
};

}  // namespace posthorn::system
