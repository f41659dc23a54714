#include "cli/tls_files.hpp"

namespace posthorn::cli {

std::vector<system::TlsIdentityFiles> configured_certificates(const config::Configuration& configuration) {
  std::vector<system::TlsIdentityFiles> files;
  if (!configuration.tls.certificate.empty()) {
    files.push_back({.names = {}, .certificate = configuration.tls.certificate, .key = configuration.tls.key});
  }
  for (const auto& identity : configuration.tls.identities) {
    files.push_back({identity.names, identity.certificate, identity.key});
  }
  return files;
}

std::string own_certificate(const config::Configuration& configuration) { return configuration.state + "/tls.pem"; }

}  // namespace posthorn::cli
