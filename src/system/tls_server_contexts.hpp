// One reading of the server's certificates: a context for each set of names. Never changed after it is made.
#pragma once

#include "system/openssl.hpp"
#include "system/tls_identities.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::system {

/// What tells that a file is no longer the one that was read.
struct FileMark {
  std::string path;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileMark&) const = default;
};

class TlsServerContexts {
 public:
  static Result<std::shared_ptr<const TlsServerContexts>> load(const TlsIdentitySettings& settings);

  /// For clients that name no server, or one that is none of ours.
  [[nodiscard]] SSL_CTX* standard() const { return contexts_.front().get(); }
  /// For this name in SNI; null: none.
  [[nodiscard]] SSL_CTX* find(std::string_view server_name) const;
  /// Lets tickets that another reading gave out stay good.
  void take_ticket_keys_of(const TlsServerContexts& other) const;
  /// Whether a file is not the one that was read, or has gone.
  [[nodiscard]] bool files_have_changed() const;
  [[nodiscard]] std::int64_t first_expiry() const { return first_expiry_; }

 private:
  Result<> add(const TlsIdentityFiles& files, const TlsIdentitySettings& settings);
  /// The context for exactly these names, made if need be: certificates of several kinds share it.
  Result<SSL_CTX*> context_for(std::vector<std::string> names, const TlsIdentitySettings& settings);

  std::vector<SslContextPointer> contexts_;
  std::map<std::vector<std::string>, SSL_CTX*> by_names_;
  std::map<std::string, SSL_CTX*, std::less<>> by_name_;
  std::set<std::pair<SSL_CTX*, int>> kinds_;  ///< of keys that a context has
  std::vector<FileMark> files_;
  std::int64_t first_expiry_ = 0;
};

/// The ALPN names that a connection answers to, as they stand on the wire; hung on its SSL object by SSL_set_app_data.
struct TlsProtocols {
  std::string wire;
};

}  // namespace posthorn::system
