// What the engine asks the keys process when somebody logs in, and what that asks the process that speaks with PAM and Dovecot:
// fixed forms of numbers and bounded texts (base/byte_writer). Each side takes the other for hostile; what does not fit to the
// last octet is refused as a whole. Passwords stand in Secrets wherever they are ours.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "system/auth_source.hpp"
#include "world/authenticator.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::system {

struct AuthLimits {
  static constexpr std::size_t mechanism = 64;
  static constexpr std::size_t binding = 1'024;
  static constexpr std::size_t name = 12'288;    ///< octets; of a password, too
  static constexpr std::size_t answer = 16'384;  ///< of a challenge, a claim, a user's name, a reason
  static constexpr std::size_t domains = 10'000;
  static constexpr std::size_t sources = 64;
  static constexpr std::size_t argument = 4'096;
};

/// The first step of an exchange, with what it begins with.
struct AuthOpening {
  world::AuthStart start;
  std::optional<Secret> response;
};
[[nodiscard]] Secret encode(const AuthOpening& opening);
[[nodiscard]] Result<AuthOpening> decode_auth_opening(std::string_view octets);

/// A later step of the exchange that bears the number.
struct AuthStep {
  std::uint64_t exchange = 0;
  std::optional<Secret> response;
};
[[nodiscard]] Secret encode(const AuthStep& step);
[[nodiscard]] Result<AuthStep> decode_auth_step(std::string_view octets);

/// What a step came to, and the number of the exchange.
struct AuthStepped {
  std::uint64_t exchange = 0;
  world::AuthAnswer answer;
};
[[nodiscard]] std::string encode(const AuthStepped& stepped);
[[nodiscard]] Result<AuthStepped> decode_auth_stepped(std::string_view octets);

[[nodiscard]] std::string encode(const world::AuthOffer& offer);
[[nodiscard]] Result<world::AuthOffer> decode_auth_offer(std::string_view octets);

/// Where passwords are checked, and whose names are ours.
struct AuthSettings {
  struct Source {
    enum class Kind : std::uint8_t { users_file, pam, dovecot };
    Kind kind = Kind::users_file;
    std::string argument;  ///< of pam the service, of dovecot the socket's path

    [[nodiscard]] bool is_elsewhere() const { return kind != Kind::users_file; }
  };
  std::vector<Source> sources;
  std::vector<std::string> domains;
};
[[nodiscard]] std::string encode(const AuthSettings& settings);
[[nodiscard]] Result<AuthSettings> decode_auth_settings(std::string_view octets);

/// "Does this password fit", asked of one source.
struct PasswordOrder {
  std::uint32_t source = 0;  ///< its place in AuthSettings
  std::string name;
  Secret password;
  IpAddress peer;
};
[[nodiscard]] Secret encode(const PasswordOrder& order);
[[nodiscard]] Result<PasswordOrder> decode_password_order(std::string_view octets);

[[nodiscard]] std::string encode(const PasswordVerdict& verdict);
[[nodiscard]] Result<PasswordVerdict> decode_password_verdict(std::string_view octets);

}  // namespace posthorn::system
