// Password hashes as they stand in the users file: made, and compared with a password. Dovecot's notation, "{SCHEME}hash",
// where the scheme may say how the hash is encoded ("{PLAIN.b64}", "{SHA512.hex}"); without braces it is crypt(3)'s.
// Schemes: ARGON2ID ARGON2I CRYPT (yescrypt and all that crypt(3) reads) SHA512-CRYPT SHA256-CRYPT MD5-CRYPT BLF-CRYPT
// DES-CRYPT SCRAM-SHA-256 (RFC 5802, RFC 7677) SSHA512 SSHA256 SHA512 SHA256 PLAIN CLEARTEXT.
// Compares in constant time. Slow on purpose: on workers only.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::system {

enum class HashScheme : std::uint8_t { scram_sha_256, argon2id, yescrypt };

/// "scram-sha-256", "argon2id", "yescrypt"
[[nodiscard]] std::optional<HashScheme> hash_scheme_of(std::string_view name);

/// What the server keeps of a password for SCRAM (RFC 5802 §3). Octets, not encoded.
struct ScramVerifier {
  unsigned iterations = 0;
  std::string salt;
  std::string stored_key;
  std::string server_key;
};

/// RFC 7677 §4 asks for 4,096 at least; this costs a server or client about as much as the Argon2id of ours.
inline constexpr unsigned scram_iterations = 65'536;

/// A new hash of a password, with its scheme in front, fit for the users file. Error: `invalid` (a password that no client
/// could send: empty, too long, or with characters that SASLprep, RFC 4013, forbids).
[[nodiscard]] Result<Secret> hash_password(const Secret& password, HashScheme scheme);

/// Whether a password could ever match: a known scheme, and a hash that is well-formed as far as can be told.
[[nodiscard]] bool is_usable_hash(const Secret& hash);

/// Whether it is that password. False for hashes that are not usable.
[[nodiscard]] bool is_password_of(const Secret& hash, const Secret& password);

/// The verifier in a hash of the scheme SCRAM-SHA-256; none of others.
[[nodiscard]] std::optional<ScramVerifier> scram_verifier_of(const Secret& hash);
[[nodiscard]] Secret to_hash(const ScramVerifier& verifier);

/// The form of a password that is hashed and compared (RFC 4013, RFC 4616 §2); none: it has forbidden characters.
[[nodiscard]] std::optional<Secret> prepared_password(const Secret& password);

}  // namespace posthorn::system
