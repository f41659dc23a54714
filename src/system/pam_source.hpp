// PamSource: passwords checked by PAM (Linux-PAM), under a service name whose stack the administrator writes
// (/etc/pam.d/posthorn). Authentication and account management; no session is opened, no credential kept. Modules that ask
// for anything but one password get no answer, and the attempt fails.
#pragma once

#include "system/auth_source.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::system {

class PamSource final : public PasswordSource {
 public:
  struct Settings {
    std::string service = "posthorn";
    std::vector<std::string> domains;  ///< ours: taken off the names that end in "@" and one of them
    std::string folder;                ///< of service files, instead of the system's; empty: the system's
  };

  explicit PamSource(Settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] PasswordVerdict check(const PasswordQuestion& question) override;

 private:
  [[nodiscard]] std::string_view account_of(std::string_view name) const;

  Settings settings_;
};

}  // namespace posthorn::system
