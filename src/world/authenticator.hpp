// Who checks that users are who they say: the server's side of SASL (RFC 4422), asynchronous. The real one keeps passwords
// and their hashes away from the sessions (system/auth_service, on workers or in the keys process); tests have one of
// their own. It knows nothing of SMTP, delays, locks or the rights of users.
#pragma once

#include "base/ip_address.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace posthorn::world {

/// What an exchange begins with.
struct AuthStart {
  std::string mechanism;         ///< "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
  std::string exporter_binding;  ///< RFC 9266; empty: none
  std::string unique_binding;    ///< RFC 5929 §3; empty: none
  IpAddress peer;                ///< for sources that want to know
};

/// RFC 4954 §4: a line of 12,288 octets; more is a failure before anything looks at it.
inline constexpr std::size_t most_auth_octets = 12'288;

/// What one step of an exchange comes to.
struct AuthAnswer {
  enum class Kind : std::uint8_t {
    challenge,  ///< `text`: octets for the client, whose answer is the next respond()
    claim,    ///< `text`: who it says it is, as it wrote it. Nothing has been checked: go on with proceed(), or drop it
    success,  ///< `text`: the user's name, canonical for users of the users file
    failure,  ///< not proved; why is for nobody to know
    trouble,  ///< it could not be checked; `text`: why, for the log
  };
  Kind kind = Kind::failure;
  std::string text;
};

/// One exchange, of one loop. Destroying it ends it; what is under way ends on its own and is forgotten.
class AuthExchange {
 public:
  AuthExchange() = default;
  AuthExchange(const AuthExchange&) = delete;
  AuthExchange& operator=(const AuthExchange&) = delete;
  virtual ~AuthExchange() = default;

  /// The client's octets; none: AUTH came without an initial response. After a challenge, or first.
  virtual Task<AuthAnswer> respond(std::optional<Secret> response, MonotonicTime deadline) = 0;
  /// After a claim: checks it. The costly step.
  virtual Task<AuthAnswer> proceed(MonotonicTime deadline) = 0;
};

/// What can work now.
struct AuthOffer {
  bool passwords = false;  ///< PLAIN and LOGIN
  bool scram = false;      ///< SCRAM-SHA-256: there is a user with a verifier

  bool operator==(const AuthOffer&) const = default;
};

class Authenticator {
 public:
  Authenticator() = default;
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;
  virtual ~Authenticator() = default;

  /// Any loop.
  virtual Task<AuthOffer> offer(Loop& loop) = 0;
  /// Any loop; the exchange is of that one.
  [[nodiscard]] virtual std::unique_ptr<AuthExchange> begin(Loop& loop, AuthStart start) = 0;
};

}  // namespace posthorn::world
