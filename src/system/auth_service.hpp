// AuthService: the server's side of SASL by libgsasl, and the passwords behind it. Synchronous and free of loops, so that
// it runs on worker threads as well as in a process of its own, which alone may read the hashes. Calls block.
// PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, channel binding by RFC 9266 and RFC
// 5929). Unknown users are taken through the same steps as known ones. One user never acts for another: an authorization
// identity is refused unless it is the authentication identity.
#pragma once

#include "base/result.hpp"
#include "system/auth_source.hpp"
#include "system/sasl_service.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

struct Gsasl;

namespace posthorn::system {

class AuthConversation;

class AuthService final : public SaslService {
 public:
  /// `book`: for SCRAM; none: there is no SCRAM. All are owned elsewhere and outlive the service.
  AuthService(std::vector<PasswordSource*> sources, VerifierBook* book);
  ~AuthService() override;

  [[nodiscard]] world::AuthOffer offer() override;
  [[nodiscard]] std::unique_ptr<SaslExchange> begin(world::AuthStart start) override;

 private:
  friend class AuthConversation;
  [[nodiscard]] world::AuthAnswer check_password(const PasswordQuestion& question);

  std::vector<PasswordSource*> sources_;
  VerifierBook* book_;
  Gsasl* context_ = nullptr;
};

class AuthConversation final : public SaslExchange {
 public:
  AuthConversation(AuthService& service, world::AuthStart start);
  ~AuthConversation() override;

  [[nodiscard]] world::AuthAnswer respond(const std::optional<Secret>& response) override;
  [[nodiscard]] world::AuthAnswer proceed() override;

 private:
  friend class AuthService;
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace posthorn::system
