// Certificates and keys from PEM files.
#pragma once

#include "base/result.hpp"
#include "system/openssl.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::system {

/// The certificates of a PEM text in their order. Errors: tls (none in it, or a damaged one).
Result<std::vector<CertificatePointer>> read_certificates(std::string_view pem, const std::string& file);
/// Errors: not_found, not_permitted, tls (none in it, damaged, or encrypted).
Result<KeyPointer> read_key(const std::string& file);
/// The same from the text of a file; `file` is for errors.
Result<KeyPointer> read_key(std::string_view pem, const std::string& file);

/// The DNS names that the certificate is for; its common name if it has none.
[[nodiscard]] std::vector<std::string> names_in(const X509* certificate);
/// Seconds since 1970.
[[nodiscard]] std::int64_t expiry_of(const X509* certificate);
/// SHA-256 of its DER form, 32 octets.
[[nodiscard]] std::string fingerprint_of(const X509* certificate);
/// RFC 4514 text.
[[nodiscard]] std::string text_of(const X509_NAME* name);

}  // namespace posthorn::system
