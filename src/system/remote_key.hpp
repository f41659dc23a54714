// Keys whose private half is in another process: for OpenSSL they are keys like others, of a provider of our own, which has
// each signature made by a KeySigner. RSA (PKCS #1 and PSS with a salt as long as the digest), ECDSA, Ed25519; SHA-256 and
// up. Nothing else that one may do with a private key is to be had.
#pragma once

#include "base/result.hpp"
#include "system/key_signer.hpp"
#include "system/openssl.hpp"

#include <cstdint>
#include <memory>

namespace posthorn::system {

struct RemoteKeyFacts {
  std::uint32_t number = 0;
  KeyPurpose purpose = KeyPurpose::tls_server;
  std::shared_ptr<KeySigner> signer;
};

/// Errors: tls (a kind of key that we cannot do).
Result<KeyPointer> make_remote_key(EVP_PKEY* public_key, RemoteKeyFacts facts);

}  // namespace posthorn::system
