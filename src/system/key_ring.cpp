#include "system/key_ring.hpp"

#include <openssl/rsa.h>

#include <array>
#include <utility>

namespace posthorn::system {
namespace {

using KeyContextPointer = std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX_free>>;
using DigestContextPointer = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;
using Signature = std::array<unsigned char, KeysLimits::signature>;

const EVP_MD* digest_of(SignDigest digest) {
  switch (digest) {
    case SignDigest::none:
      return nullptr;
    case SignDigest::sha256:
      return ::EVP_sha256();
    case SignDigest::sha384:
      return ::EVP_sha384();
    case SignDigest::sha512:
      return ::EVP_sha512();
  }
  return nullptr;
}

const char* kind_of_key(SignScheme scheme) {
  switch (scheme) {
    case SignScheme::ecdsa:
      return "EC";
    case SignScheme::rsa_pkcs1:
    case SignScheme::rsa_pss:
      return "RSA";
    case SignScheme::ed25519:
      return "ED25519";
  }
  return "";
}

const unsigned char* octets_of(std::string_view text) {
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}

std::string to_text(const Signature& signature, std::size_t size) {
  return {signature.begin(), signature.begin() + size};
}

bool set_padding(EVP_PKEY_CTX* context, SignScheme scheme) {
  if (scheme == SignScheme::rsa_pkcs1) return ::EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  if (scheme != SignScheme::rsa_pss) return true;
  // RFC 8446 §4.2.3: the salt is as long as the digest.
  return ::EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         ::EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

Result<std::string> sign_digest(EVP_PKEY* key, const SignRequest& request) {
  const KeyContextPointer context{::EVP_PKEY_CTX_new(key, nullptr)};
  Signature signature{};
  auto size = signature.size();
  const bool signs =
      context && ::EVP_PKEY_sign_init(context.get()) == 1 && set_padding(context.get(), request.scheme) &&
      ::EVP_PKEY_CTX_set_signature_md(context.get(), digest_of(request.digest)) == 1 &&
      ::EVP_PKEY_sign(context.get(), signature.data(), &size, octets_of(request.data), request.data.size()) == 1;
  if (!signs) return tls_failure("sign");
  return to_text(signature, size);
}

/// Ed25519 takes the message whole.
Result<std::string> sign_message(EVP_PKEY* key, const SignRequest& request) {
  const DigestContextPointer context{::EVP_MD_CTX_new()};
  Signature signature{};
  auto size = signature.size();
  const bool signs =
      context && ::EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
      ::EVP_DigestSign(context.get(), signature.data(), &size, octets_of(request.data), request.data.size()) == 1;
  if (!signs) return tls_failure("sign");
  return to_text(signature, size);
}

std::string to_der(const X509* certificate) {
  unsigned char* octets = nullptr;
  const int size = ::i2d_X509(certificate, &octets);
  if (size <= 0) return {};
  std::string der{octets, octets + size};
  OPENSSL_free(octets);
  return der;
}

PublishedIdentity publish(const TlsMaterial& material, std::uint32_t number) {
  PublishedIdentity identity{.files = material.files, .key = number, .chain = {}};
  for (const auto& certificate : material.chain) identity.chain.push_back(to_der(certificate.get()));
  return identity;
}

}  // namespace

void KeyRing::replace(std::vector<TlsMaterial> materials) {
  const std::lock_guard lock{mutex_};
  keys_before_ = std::exchange(keys_, {});
  identities_.clear();
  for (auto& material : materials) {
    identities_.push_back(publish(material, ++last_number_));
    keys_.emplace(last_number_, std::shared_ptr<EVP_PKEY>{std::move(material.key)});
  }
}

std::shared_ptr<EVP_PKEY> KeyRing::find(std::uint32_t number) const {
  const std::lock_guard lock{mutex_};
  for (const auto* keys : {&keys_, &keys_before_}) {
    if (const auto found = keys->find(number); found != keys->end()) return found->second;
  }
  return nullptr;
}

Result<std::string> KeyRing::sign(const SignRequest& request) const {
  const auto key = request.purpose == KeyPurpose::tls_server ? find(request.key) : nullptr;
  if (!key) return failure(Error::Kind::not_found, "there is no key of that number for that purpose");
  if (::EVP_PKEY_is_a(key.get(), kind_of_key(request.scheme)) != 1) {
    return failure(Error::Kind::invalid, "the key is of another kind");
  }
  return request.digest == SignDigest::none ? sign_message(key.get(), request) : sign_digest(key.get(), request);
}

std::vector<PublishedIdentity> KeyRing::identities() const {
  const std::lock_guard lock{mutex_};
  return identities_;
}

}  // namespace posthorn::system
