// What the engine and the keys process say to each other over a ControlChannel: "sign this digest with key N for purpose P",
// "which certificates are there". Fixed forms of numbers and bounded texts; each side takes the other for hostile, and what
// does not fit to the last octet is refused as a whole.
#pragma once

#include "base/result.hpp"
#include "system/tls_identities.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::system {

/// A key signs for the purpose it was loaded for, and for no other.
enum class KeyPurpose : std::uint8_t { tls_server, dkim };
enum class SignScheme : std::uint8_t { ecdsa, rsa_pkcs1, rsa_pss, ed25519 };
enum class SignDigest : std::uint8_t { none, sha256, sha384, sha512 };

struct KeysLimits {
  static constexpr std::size_t signed_octets = 1'024;  ///< a digest; for Ed25519, which has none, the message itself
  static constexpr std::size_t signature = 2'048;
  static constexpr std::size_t identities = 1'000;
  static constexpr std::size_t names = 1'000;  ///< of one identity
  static constexpr std::size_t name = 1'024;   ///< octets of a name or a path
  static constexpr std::size_t chain = 16;     ///< certificates
  static constexpr std::size_t certificate = 64'000;
  static constexpr std::size_t listing = std::size_t{16} << 20;
  static constexpr std::size_t text = 4'000;
};

/// Kinds of packets. The parent of both talks to the keys process, too.
enum class KeysPacket : std::uint16_t {
  sign = 1,   ///< SignRequest; the answer is signature or fault
  signature,  ///< the octets
  list,       ///< empty; the answer is listed, with a memory file, or fault
  listed,
  fault,     ///< a text for the log
  identity,  ///< from the parent: TlsIdentityFiles, with two open files
  load,      ///< from the parent: take the identities that were sent; the answer is loaded
  loaded,    ///< LoadedKeys
  channel,   ///< from the parent: an end of a channel to the engine
  // Logins (system/auth_wire):
  auth_offer,     ///< empty; the answer is auth_offered
  auth_offered,   ///< world::AuthOffer
  auth_begin,     ///< AuthOpening; the answer is auth_answer
  auth_respond,   ///< AuthStep; the same
  auth_proceed,   ///< AuthStep; the same
  auth_end,       ///< AuthStep, broken off; the same, and empty
  auth_answer,    ///< AuthStepped
  password,       ///< PasswordOrder, to the process that asks PAM and Dovecot; the answer is verdict
  verdict,        ///< PasswordVerdict
  auth_settings,  ///< from the parent: AuthSettings
  users,       ///< from the parent: which users file, with the open file unless there is none; the answer is users_read
  users_read,  ///< to the parent: the same words, with a memory file of the names, or fault
  users_gone,  ///< to the parent: the file that we have has no name any more
  helper,      ///< from the parent: an end of a channel to the process that asks PAM and Dovecot
  alive,       ///< from the parent, and back to it: somebody reads its packets
};

struct SignRequest {
  std::uint32_t key = 0;
  KeyPurpose purpose = KeyPurpose::tls_server;
  SignScheme scheme = SignScheme::ecdsa;
  SignDigest digest = SignDigest::none;
  std::string data;
};

/// A certificate that the keys process has the key of.
struct PublishedIdentity {
  TlsIdentityFiles files;
  std::uint32_t key = 0;
  std::vector<std::string> chain;  ///< DER, the certificate first
};

/// How loading went.
struct LoadedKeys {
  std::string fault;  ///< empty: well; otherwise the keys from before stay
  struct Expiry {
    std::string certificate;  ///< the file
    std::int64_t when = 0;    ///< seconds since 1970
  };
  std::vector<Expiry> expiries{};
};

/// Questions and their answers bear a number, so that an answer that comes too late is never taken for another's.
[[nodiscard]] std::string with_number(std::uint32_t number, std::string_view body);
/// Cuts it off the front; none: the packet is too short.
[[nodiscard]] std::optional<std::uint32_t> take_number(std::string_view& payload);

[[nodiscard]] std::string encode(const SignRequest& request);
[[nodiscard]] Result<SignRequest> decode_sign_request(std::string_view octets);
[[nodiscard]] std::string encode(const TlsIdentityFiles& files);
[[nodiscard]] Result<TlsIdentityFiles> decode_identity_files(std::string_view octets);
[[nodiscard]] std::string encode(const std::vector<PublishedIdentity>& identities);
[[nodiscard]] Result<std::vector<PublishedIdentity>> decode_identities(std::string_view octets);
[[nodiscard]] std::string encode(const LoadedKeys& loaded);
[[nodiscard]] Result<LoadedKeys> decode_loaded_keys(std::string_view octets);

/// 32, 48 or 64 octets; 0 for none.
[[nodiscard]] std::size_t size_of(SignDigest digest);

}  // namespace posthorn::system
