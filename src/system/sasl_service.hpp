// The server's side of SASL as its users see it: in this process (system/auth_service), or in another that alone may know the
// passwords (system/remote_sasl). Synchronous: calls block for as long as a check of a password takes.
#pragma once

#include "base/secret.hpp"
#include "world/authenticator.hpp"

#include <memory>
#include <optional>

namespace posthorn::system {

/// One exchange: one call at a time, each may come from another thread.
class SaslExchange {
 public:
  SaslExchange() = default;
  SaslExchange(const SaslExchange&) = delete;
  SaslExchange& operator=(const SaslExchange&) = delete;
  virtual ~SaslExchange() = default;

  /// As world::AuthExchange::respond() and proceed().
  [[nodiscard]] virtual world::AuthAnswer respond(const std::optional<Secret>& response) = 0;
  [[nodiscard]] virtual world::AuthAnswer proceed() = 0;
};

class SaslService {
 public:
  SaslService() = default;
  SaslService(const SaslService&) = delete;
  SaslService& operator=(const SaslService&) = delete;
  virtual ~SaslService() = default;

  /// Any thread.
  [[nodiscard]] virtual world::AuthOffer offer() = 0;
  /// Any thread; never blocks.
  [[nodiscard]] virtual std::unique_ptr<SaslExchange> begin(world::AuthStart start) = 0;
};

}  // namespace posthorn::system
