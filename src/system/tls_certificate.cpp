#include "system/tls_certificate.hpp"

#include "base/ascii.hpp"
#include "system/machine.hpp"
#include "system/openssl.hpp"
#include "system/posix_disk.hpp"
#include "system/tls_pem.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

namespace posthorn::system {
namespace {

using NumberPointer = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using ExtensionPointer = std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>>;

constexpr std::size_t largest_file = std::size_t{1} << 20;
constexpr std::chrono::days life{3'650};
constexpr std::chrono::days renewal{30};
constexpr std::size_t longest_common_name = 64;  // RFC 5280 appendix A

/// RFC 5280 §4.1.2.2: positive, at most 20 octets, and nobody's guess.
bool set_serial(X509* certificate) {
  const NumberPointer serial{::BN_new()};
  return serial && ::BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         ::BN_to_ASN1_INTEGER(serial.get(), ::X509_get_serialNumber(certificate)) != nullptr;
}

bool set_subject(X509* certificate, const std::string& host_name) {
  auto* const subject = ::X509_get_subject_name(certificate);
  const auto name = host_name.substr(0, longest_common_name);
  const auto* const octets = static_cast<const unsigned char*>(static_cast<const void*>(name.data()));
  return ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, octets, static_cast<int>(name.size()), -1, 0) ==
             1 &&
         ::X509_set_issuer_name(certificate, subject) == 1;
}

bool set_validity(X509* certificate, WallTime now) {
  const auto start = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  const auto end = start + life;
  return ::ASN1_TIME_set(::X509_getm_notBefore(certificate), (start - std::chrono::hours{1}).count()) != nullptr &&
         ::ASN1_TIME_set(::X509_getm_notAfter(certificate), end.count()) != nullptr;
}

bool add_extension(X509* certificate, int which, const std::string& value) {
  const ExtensionPointer extension{::X509V3_EXT_conf_nid(nullptr, nullptr, which, value.c_str())};
  return extension && ::X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// The configuration has checked the name: it holds no comma, which would begin another.
bool add_extensions(X509* certificate, const std::string& host_name) {
  return add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth") &&
         add_extension(certificate, NID_subject_alt_name, "DNS:" + host_name);
}

Result<std::string> make_pem(const std::string& host_name, WallTime now) {
  if (host_name.find_first_of(",:\n") != std::string::npos) return failure(Error::Kind::invalid, "not a host name");
  const KeyPointer key{::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")};
  const CertificatePointer certificate{::X509_new()};
  auto* const raw = certificate.get();
  const bool made = key && certificate && ::X509_set_version(raw, X509_VERSION_3) == 1 && set_serial(raw) &&
                    set_subject(raw, host_name) && set_validity(raw, now) && ::X509_set_pubkey(raw, key.get()) == 1 &&
                    add_extensions(raw, host_name) && ::X509_sign(raw, key.get(), ::EVP_sha256()) > 0;
  const auto pem = bio_to_fill();
  const bool written = made && ::PEM_write_bio_X509(pem.get(), raw) == 1 &&
                       ::PEM_write_bio_PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  if (!written) return tls_failure("make a certificate");
  return drain(pem.get());
}

/// Written under another name first: the file is never half there.
Result<> write_whole(const std::string& file, std::string_view text) {
  const std::filesystem::path path{file};
  const auto name = path.filename().string();
  const auto part = name + ".new";
  auto folder = PosixDisk{}.open_root(path.has_parent_path() ? path.parent_path().string() : ".");
  if (!folder) return failure(std::move(folder.error()));
  static_cast<void>((*folder)->remove(part));
  auto made = (*folder)->create_file(part, 0600);
  if (!made) return failure(std::move(made.error()));
  auto done = (*made)->write_at(0, text);
  if (done) done = (*made)->sync_data();
  if (done) done = (*made)->close();
  if (done) done = (*folder)->rename(part, **folder, name, true);
  if (done) done = (*folder)->sync();
  return done;
}

Result<bool> is_still_good(std::string_view pem, const std::string& file, const std::string& host_name, WallTime now) {
  const auto certificates = read_certificates(pem, file);
  if (!certificates) return failure(certificates.error());
  const auto names = names_in(certificates->front().get());
  const auto end = WallTime{std::chrono::seconds{expiry_of(certificates->front().get())}};
  return std::ranges::find(names, ascii::lower(host_name)) != names.end() && end > now + renewal;
}

}  // namespace

Result<bool> ensure_certificate(const std::string& file, const std::string& host_name, WallTime now) {
  const auto there = read_file(file, largest_file);
  if (!there && there.error().kind != Error::Kind::not_found) return failure(there.error());
  if (there) {
    const auto good = is_still_good(*there, file, host_name, now);
    if (!good || *good) return good ? Result<bool>{false} : failure(good.error());
  }
  const auto pem = make_pem(host_name, now);
  if (!pem) return failure(pem.error());
  if (auto written = write_whole(file, *pem); !written) {
    return failure(std::move(written.error()).context("write the self-made certificate"));
  }
  return true;
}

}  // namespace posthorn::system
