// KeyRing: the private keys, in the process that has nothing else. They are known outside by numbers that are never given
// twice; a new reading replaces the one before, whose keys stay good until the next, for handshakes under way. Any thread.
#pragma once

#include "base/result.hpp"
#include "system/keys_wire.hpp"
#include "system/tls_material.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace posthorn::system {

class KeyRing {
 public:
  /// Keys that sign for TLS, in place of those there are.
  void replace(std::vector<TlsMaterial> materials);
  /// Errors: not_found (no such key for that purpose), invalid (the key cannot sign so), tls.
  [[nodiscard]] Result<std::string> sign(const SignRequest& request) const;
  /// The certificates that belong to the keys.
  [[nodiscard]] std::vector<PublishedIdentity> identities() const;

 private:
  using Keys = std::map<std::uint32_t, std::shared_ptr<EVP_PKEY>>;
  [[nodiscard]] std::shared_ptr<EVP_PKEY> find(std::uint32_t number) const;

  mutable std::mutex mutex_;
  Keys keys_;
  Keys keys_before_;
  std::vector<PublishedIdentity> identities_;
  std::uint32_t last_number_ = 0;
};

}  // namespace posthorn::system
