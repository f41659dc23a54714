// One reading of the server's certificates: a context for each set of names. Never changed after it is made.
#pragma once

#include "system/openssl.hpp"
#include "system/tls_identities.hpp"
#include "system/tls_material.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::system {

class TlsServerContexts {
 public:
  /// From what the settings' source reads.
  static Result<std::shared_ptr<const TlsServerContexts>> load(const TlsIdentitySettings& settings);
  /// From what was read. Errors: invalid (none, or two of a kind for the same names), tls.
  static Result<std::shared_ptr<const TlsServerContexts>> make(const std::vector<TlsMaterial>& materials,
                                                               const TlsIdentitySettings& settings);

  /// For clients that name no server, or one that is none of ours.
  [[nodiscard]] SSL_CTX* standard() const { return contexts_.front().get(); }
  /// For this name in SNI; null: none.
  [[nodiscard]] SSL_CTX* find(std::string_view server_name) const;
  /// Lets tickets that another reading gave out stay good.
  void take_ticket_keys_of(const TlsServerContexts& other) const;
  [[nodiscard]] std::int64_t first_expiry() const { return first_expiry_; }

 private:
  Result<> add(const TlsMaterial& material, const TlsIdentitySettings& settings);
  /// The context for exactly these names, made if need be: certificates of several kinds share it.
  Result<SSL_CTX*> context_for(std::vector<std::string> names, const TlsIdentitySettings& settings);

  std::vector<SslContextPointer> contexts_;
  std::map<std::vector<std::string>, SSL_CTX*> by_names_;
  std::map<std::string, SSL_CTX*, std::less<>> by_name_;
  std::set<std::pair<SSL_CTX*, int>> kinds_;  ///< of keys that a context has
  std::int64_t first_expiry_ = 0;
};

/// The ALPN names that a connection answers to, as they stand on the wire; hung on its SSL object by SSL_set_app_data.
struct TlsProtocols {
  std::string wire;
};

}  // namespace posthorn::system
