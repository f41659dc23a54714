// How we speak TLS to other servers: one context for all connections, with the system's store of roots; what a policy asks
// for is set on the connection (RFC 7435, 7817, 7672).
#pragma once

#include "base/result.hpp"
#include "system/openssl.hpp"
#include "world/tls.hpp"

#include <memory>

namespace posthorn::system {

class TlsClientContext {
 public:
  static Result<std::shared_ptr<const TlsClientContext>> make();
  explicit TlsClientContext(SslContextPointer context) : context_(std::move(context)) {}

  /// An SSL object that asks for what the policy wants. Reads the files of a client certificate: blocks.
  /// Errors: tls, not_found, not_permitted.
  [[nodiscard]] Result<SslPointer> prepare(const world::TlsClientPolicy& policy) const;

 private:
  SslContextPointer context_;
};

/// After a handshake: whether the peer is who the policy wants, and why not. A handshake that the policy forbids has failed
/// before, but for fingerprints, which are compared here.
struct TlsVerdict {
  bool verified = false;
  bool acceptable = false;
  std::string why_not;
};
[[nodiscard]] TlsVerdict judge(const SSL* ssl, const world::TlsClientPolicy& policy);

}  // namespace posthorn::system
