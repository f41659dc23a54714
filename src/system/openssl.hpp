// OpenSSL's objects owned by one pointer each, and its errors in words. Included by the sources of system/tls_* only.
#pragma once

#include "base/result.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace posthorn::system {

template <auto Free>
struct FreeBy {
  template <class Object>
  void operator()(Object* object) const {
    Free(object);
  }
};

using SslContextPointer = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using SslPointer = std::unique_ptr<SSL, FreeBy<SSL_free>>;
using BioPointer = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, FreeBy<X509_free>>;

/// "doing: what OpenSSL says", from this thread's error queue, which is empty afterwards.
[[nodiscard]] Error tls_error(std::string_view doing);
[[nodiscard]] std::unexpected<Error> tls_failure(std::string_view doing);

/// A BIO over text that outlives it. At its end it says "later", not "the end".
[[nodiscard]] BioPointer bio_over(std::string_view text);
/// An empty BIO to write into.
[[nodiscard]] BioPointer bio_to_fill();
/// What was written into it; it is empty afterwards.
[[nodiscard]] std::string drain(BIO* bio);

}  // namespace posthorn::system
