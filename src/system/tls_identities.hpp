// The certificates that the server shows, read from PEM files: chosen by SNI (RFC 6066 §3), ECDSA and RSA side by side,
// read anew when the files change. Handshakes under way keep what they began with. TLS 1.2 and 1.3 with the suites of
// RFC 9325 only; session tickets, whose keys live a day; no renegotiation, no compression, no early data.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "world/tls.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace posthorn::system {

struct TlsIdentityFiles {
  std::vector<std::string>
      names;                ///< shown to who asks for these; "*.example.org" too; empty: those in the certificate
  std::string certificate;  ///< PEM: the certificate, then its chain
  std::string key;          ///< PEM; empty: in the file of the certificate

  [[nodiscard]] const std::string& key_file() const { return key.empty() ? certificate : key; }
};

class TlsMaterialSource;

struct TlsIdentitySettings {
  std::vector<TlsIdentityFiles> identities;  ///< the first is shown to who asks for none of the others
  bool only_tls_1_3 = false;
  Duration ticket_key_life = std::chrono::hours{24};
  std::shared_ptr<TlsMaterialSource> source;  ///< none: the files of `identities`
};

class TlsServerContexts;

class TlsIdentityStore final : public world::TlsIdentities {
 public:
  using Settings = TlsIdentitySettings;

  /// Reads the files. Errors name the file and the reason: not_found, not_permitted, tls (no certificate in it, a key that
  /// does not belong to it), invalid (no identity at all).
  static Result<std::shared_ptr<TlsIdentityStore>> load(Settings settings, MonotonicTime now);
  TlsIdentityStore(Settings settings, std::shared_ptr<const TlsServerContexts> contexts, MonotonicTime now);
  ~TlsIdentityStore() override;

  /// Reads the files again if one has changed or the ticket keys are old. True: there is something new. On an error what
  /// was there stays. Blocks: on a worker. Any thread.
  Result<bool> refresh(MonotonicTime now);
  /// When the first of the certificates expires, in seconds since 1970.
  [[nodiscard]] std::int64_t first_expiry() const;
  /// What handshakes use from now on. Any thread.
  [[nodiscard]] std::shared_ptr<const TlsServerContexts> current() const;

 private:
  Settings settings_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsServerContexts> contexts_;
  MonotonicTime ticket_keys_made_;
};

}  // namespace posthorn::system
