#include "system/tls_pem.hpp"

#include "base/ascii.hpp"
#include "system/machine.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>
#include <utility>

namespace posthorn::system {
namespace {

using NamesPointer = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;

constexpr std::size_t largest_file = std::size_t{1} << 20;

std::string_view text_of(const ASN1_STRING* string) {
  const auto* const octets = static_cast<const void*>(::ASN1_STRING_get0_data(string));
  return {static_cast<const char*>(octets), static_cast<std::size_t>(::ASN1_STRING_length(string))};
}

std::string common_name(const X509* certificate) {
  const auto* const subject = ::X509_get_subject_name(certificate);
  const int at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  return std::string{text_of(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at)))};
}

/// Asked for the password of an encrypted key: a server has nobody to ask.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

}  // namespace

Result<std::vector<CertificatePointer>> read_certificates(std::string_view pem, const std::string& file) {
  const auto bio = bio_over(pem);
  std::vector<CertificatePointer> certificates;
  for (;;) {
    CertificatePointer next{::PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)};
    if (!next) break;
    certificates.push_back(std::move(next));
  }
  const bool at_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (certificates.empty() && at_end) {
    ::ERR_clear_error();
    return failure(Error::Kind::tls, "there is no certificate in " + file);
  }
  if (!at_end) return tls_failure("read the certificates in " + file);
  ::ERR_clear_error();
  return certificates;
}

Result<KeyPointer> read_key(const std::string& file) {
  const auto pem = read_file(file, largest_file);
  if (!pem) return failure(pem.error());
  return read_key(*pem, file);
}

Result<KeyPointer> read_key(std::string_view pem, const std::string& file) {
  if (pem.find("PRIVATE KEY-----") == std::string::npos) {
    return failure(Error::Kind::tls, "there is no private key in " + file);
  }
  const auto bio = bio_over(pem);
  KeyPointer key{::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)};
  if (!key) return tls_failure("read the key in " + file + " (an encrypted one cannot be used)");
  return key;
}

std::vector<std::string> names_in(const X509* certificate) {
  std::vector<std::string> names;
  const NamesPointer all{
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const auto* const name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type == GEN_DNS) names.push_back(ascii::lower(text_of(name->d.dNSName)));
  }
  if (names.empty()) names.push_back(ascii::lower(common_name(certificate)));
  return names;
}

std::int64_t expiry_of(const X509* certificate) {
  std::tm moment{};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &moment) != 1) return 0;
  return ::timegm(&moment);
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (::X509_digest(certificate, ::EVP_sha256(), digest.data(), &size) != 1) return {};
  return {digest.begin(), digest.begin() + size};
}

std::string text_of(const X509_NAME* name) {
  const auto bio = bio_to_fill();
  constexpr unsigned long flags = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  ::X509_NAME_print_ex(bio.get(), name, 0, flags);
  return drain(bio.get());
}

}  // namespace posthorn::system
