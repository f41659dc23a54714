// DovecotSource: passwords checked by Dovecot's auth server over its UNIX socket, by the client side of Dovecot's
// authentication protocol, version 1, with PLAIN. One connection for each question; every wait has its end.
#pragma once

#include "system/auth_source.hpp"

#include <chrono>
#include <string>

namespace posthorn::system {

class DovecotSource final : public PasswordSource {
 public:
  struct Settings {
    std::string socket;  ///< path, as in Dovecot's `unix_listener auth-client`
    std::chrono::milliseconds patience{25'000};
  };

  explicit DovecotSource(Settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] PasswordVerdict check(const PasswordQuestion& question) override;

 private:
  Settings settings_;
};

}  // namespace posthorn::system
