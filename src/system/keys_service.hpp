// KeysService: the inside of the keys process, apart from the process: it answers the packets of its parent, who gives it
// the keys, and those of the engine, who may have things signed.
#pragma once

#include "system/channel_threads.hpp"
#include "system/control_channel.hpp"
#include "system/key_ring.hpp"

#include <vector>

namespace posthorn::system {

/// What else than keys the process keeps.
class KeysPart {
 public:
  KeysPart() = default;
  KeysPart(const KeysPart&) = delete;
  KeysPart& operator=(const KeysPart&) = delete;
  virtual ~KeysPart() = default;

  /// A packet of the parent's, whose channel outlives it. False: the parent breaks the rules.
  virtual bool obey(const ControlChannel& parent, ControlPacket packet) = 0;
  /// A question of the engine's. Any thread, several at once. Errors: corrupt (the channel ends).
  [[nodiscard]] virtual Result<ChannelThreads::Reply> answer(KeysPacket kind, std::string_view body) = 0;
};

class KeysService {
 public:
  /// `part` outlives it.
  explicit KeysService(KeysPart* part = nullptr);

  /// Serves the parent until it has gone.
  void serve_parent(const ControlChannel& parent);
  [[nodiscard]] KeyRing& keys() { return keys_; }

 private:
  /// False: the parent breaks the rules.
  bool obey(const ControlChannel& parent, ControlPacket packet);
  bool take_identity(ControlPacket packet);
  [[nodiscard]] LoadedKeys load();
  [[nodiscard]] Result<ChannelThreads::Reply> answer(KeysPacket kind, std::string_view body) const;
  [[nodiscard]] ChannelThreads::Reply list() const;

  struct Sent {
    TlsIdentityFiles files;
    Descriptor certificate;
    Descriptor key;
  };
  KeysPart* part_;
  KeyRing keys_;
  std::vector<Sent> sent_;  ///< identities that the parent has sent since the last load
  ChannelThreads channels_;
};

}  // namespace posthorn::system
