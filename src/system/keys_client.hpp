// KeysClient: the engine's way to the keys process: a few channels, one question on each at a time; who asks when all are
// busy waits for one. A channel that breaks is dropped, and the question asked again on another: after a crash of the keys
// process its parent gives new ones. An answer that comes after the limit is passed over. Any thread; blocks.
#pragma once

#include "system/control_channel.hpp"
#include "system/key_signer.hpp"
#include "system/tls_material.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace posthorn::system {

class KeysClient final : public KeySigner {
 public:
  explicit KeysClient(Duration limit = std::chrono::seconds{5}) : limit_(limit) {}

  void add_channel(ControlChannel channel);
  /// Errors: timed_out, ended (no channel left in time), tls (the keys process refuses), corrupt.
  Result<std::string> sign(const SignRequest& request) override;
  /// The certificates it has keys for.
  Result<std::vector<PublishedIdentity>> identities();
  /// Any question; the answer's payload is without its number. Errors: as sign().
  Result<ControlPacket> ask(KeysPacket kind, std::string_view payload);

 private:
  [[nodiscard]] std::optional<ControlChannel> borrow();
  void give_back(ControlChannel channel, bool answers);
  [[nodiscard]] Result<ControlPacket> receive(const ControlChannel& channel, std::uint32_t number) const;

  const Duration limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<ControlChannel> idle_;
  std::atomic<std::uint32_t> last_number_ = 0;
};

/// What the engine shows: certificates from the keys process, with keys that sign there.
class KeysMaterialSource final : public TlsMaterialSource {
 public:
  explicit KeysMaterialSource(std::shared_ptr<KeysClient> client) : client_(std::move(client)) {}

  Result<std::vector<TlsMaterial>> read() override;
  bool has_changed() override { return changed_; }
  /// The keys process has read the files anew.
  void tell_changed() { changed_ = true; }

 private:
  std::shared_ptr<KeysClient> client_;
  std::atomic<bool> changed_ = false;
};

}  // namespace posthorn::system
