// Which files hold the certificates that the server shows.
#pragma once

#include "config/configuration.hpp"
#include "system/tls_identities.hpp"

#include <string>
#include <vector>

namespace posthorn::cli {

/// Those that are set; empty: none, and the one of our own making is shown.
[[nodiscard]] std::vector<system::TlsIdentityFiles> configured_certificates(const config::Configuration& configuration);
/// The certificate of our own making.
[[nodiscard]] std::string own_certificate(const config::Configuration& configuration);

}  // namespace posthorn::cli
