#include "system/password_hash.hpp"

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "base/scanner.hpp"

#include <argon2.h>
#include <crypt.h>
#include <gsasl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace posthorn::system {
namespace {

constexpr std::size_t longest_password = 1'024;
constexpr std::size_t key_octets = 32;
constexpr std::size_t salt_octets = 16;
constexpr unsigned most_scram_iterations = 10'000'000;
// OWASP's least for Argon2id; more memory would be a stranger's lever against the server.
constexpr unsigned argon_memory_kibibytes = 19'456;
constexpr unsigned argon_passes = 2;
constexpr unsigned most_argon_kibibytes = 1 << 20;

/// A hash cut into its parts. The text is decoded when the scheme names an encoding.
struct Parts {
  std::string scheme;  // upper case, without the encoding
  std::string encoding;
  Secret text;
};

const unsigned char* bytes(std::string_view text) {
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}
unsigned char* bytes(std::string& text) { return static_cast<unsigned char*>(static_cast<void*>(text.data())); }

std::optional<int> hex_digit(char c) {
  if (ascii::is_digit(c)) return c - '0';
  const char low = ascii::to_lower(c);
  return low >= 'a' && low <= 'f' ? std::optional{low - 'a' + 10} : std::nullopt;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string octets;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digit(text[i]);
    const auto low = hex_digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    octets += static_cast<char>(*high * 16 + *low);
  }
  return octets;
}

/// base64 with or without its padding, as others write it.
std::optional<std::string> from_base64(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  return base64::decode(padded);
}

std::optional<Parts> parts_of(const Secret& hash) {
  const auto text = hash.reveal();
  if (!text.starts_with('{')) return Parts{"CRYPT", {}, hash.copy()};
  const auto end = text.find('}');
  if (end == std::string_view::npos) return std::nullopt;
  auto scheme = ascii::upper(text.substr(1, end - 1));
  std::string encoding;
  if (const auto dot = scheme.rfind('.'); dot != std::string::npos) {
    encoding = scheme.substr(dot + 1);
    scheme.resize(dot);
  }
  return Parts{std::move(scheme), std::move(encoding), Secret(std::string(text.substr(end + 1)))};
}

/// The hash's octets: as the scheme says, or else by what is usual for it.
std::optional<std::string> decoded(const Parts& parts, std::string_view usual) {
  const auto encoding = parts.encoding.empty() ? usual : std::string_view(parts.encoding);
  if (encoding == "B64" || encoding == "BASE64") return from_base64(parts.text.reveal());
  if (encoding == "HEX") return from_hex(parts.text.reveal());
  if (encoding == "NONE") return std::string(parts.text.reveal());
  return std::nullopt;
}

bool same_octets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string digest(const EVP_MD* kind, std::string_view text) {
  std::string out(static_cast<std::size_t>(::EVP_MD_get_size(kind)), '\0');
  unsigned size = 0;
  ::EVP_Digest(text.data(), text.size(), bytes(out), &size, kind, nullptr);
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string out(key_octets, '\0');
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(text), text.size(), bytes(out), &size);
  return out;
}

std::string random_octets(std::size_t count) {
  std::string octets(count, '\0');
  // Fails only where the kernel gives no randomness, which it does once it has started.
  if (::RAND_bytes(bytes(octets), static_cast<int>(count)) != 1) return {};
  return octets;
}

// ---- SCRAM-SHA-256 (RFC 5802 §3) ----

ScramVerifier make_verifier(const Secret& password, std::string salt, unsigned iterations) {
  std::string salted(key_octets, '\0');
  const auto text = password.reveal();
  ::PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()), bytes(std::string_view(salt)),
                      static_cast<int>(salt.size()), static_cast<int>(iterations), ::EVP_sha256(),
                      static_cast<int>(salted.size()), bytes(salted));
  ScramVerifier verifier{.iterations = iterations,
                         .salt = std::move(salt),
                         .stored_key = digest(::EVP_sha256(), hmac_sha256(salted, "Client Key")),
                         .server_key = hmac_sha256(salted, "Server Key")};
  ::OPENSSL_cleanse(salted.data(), salted.size());
  return verifier;
}

/// "4096,salt,stored key,server key", as Dovecot writes it.
std::optional<ScramVerifier> parse_verifier(std::string_view text) {
  Scanner scanner(text);
  const auto field = [&scanner] {
    const auto part = scanner.take_while([](char c) { return c != ','; });
    scanner.take(',');
    return part;
  };
  const auto iterations = ascii::to_number(field());
  const auto salt = base64::decode(field());
  const auto stored_key = base64::decode(field());
  const auto server_key = base64::decode(scanner.rest());
  if (!iterations || *iterations == 0 || *iterations > most_scram_iterations || !salt || salt->empty())
    return std::nullopt;
  if (!stored_key || stored_key->size() != key_octets || !server_key || server_key->size() != key_octets) {
    return std::nullopt;
  }
  return ScramVerifier{static_cast<unsigned>(*iterations), *salt, *stored_key, *server_key};
}

bool scram_matches(std::string_view text, const Secret& password) {
  const auto known = parse_verifier(text);
  if (!known) return false;
  return same_octets(make_verifier(password, known->salt, known->iterations).stored_key, known->stored_key);
}

// ---- Argon2 ----

/// "$argon2id$v=19$m=19456,t=2,p=1$salt$hash": a cost that we would not pay makes it unusable.
bool is_affordable_argon(std::string_view text) {
  const auto at = text.find("$m=");
  if (at == std::string_view::npos) return false;
  Scanner scanner(text.substr(at + 3));
  const auto memory = ascii::to_number(scanner.take_while(ascii::is_digit));
  return memory && *memory <= most_argon_kibibytes;
}

argon2_type argon_type(std::string_view text) { return text.starts_with("$argon2i$") ? Argon2_i : Argon2_id; }

bool is_argon(std::string_view text) { return text.starts_with("$argon2id$") || text.starts_with("$argon2i$"); }

bool argon_matches(const std::string& text, const Secret& password) {
  if (!is_affordable_argon(text)) return false;
  const auto plain = password.reveal();
  return ::argon2_verify(text.c_str(), plain.data(), plain.size(), argon_type(text)) == ARGON2_OK;
}

Result<Secret> make_argon(const Secret& password) {
  const auto salt = random_octets(salt_octets);
  std::array<char, 256> encoded{};
  const auto plain = password.reveal();
  const auto code = ::argon2id_hash_encoded(argon_passes, argon_memory_kibibytes, 1, plain.data(), plain.size(),
                                            salt.data(), salt.size(), key_octets, encoded.data(), encoded.size());
  if (salt.empty() || code != ARGON2_OK) {
    return failure(Error::Kind::no_memory, std::string("make an Argon2id hash: ") + ::argon2_error_message(code));
  }
  return Secret(std::string("{ARGON2ID}") + encoded.data());
}

// ---- crypt(3) ----

std::string crypt_text(const std::string& password, const std::string& setting) {
  const auto room = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), setting.c_str(), room.get());
  std::string text(made == nullptr ? "*" : made);
  ::OPENSSL_cleanse(room.get(), sizeof *room);
  return text;
}

bool crypt_matches(const std::string& text, const Secret& password) {
  std::string plain(password.reveal());
  const auto made = crypt_text(plain, text);
  ::OPENSSL_cleanse(plain.data(), plain.size());
  return !made.starts_with('*') && same_octets(made, text);
}

bool is_usable_crypt(std::string_view text) {
  return text.size() >= 13 &&
         std::ranges::all_of(text, [](char c) { return ascii::is_printable(c) && c != ' ' && c != '*' && c != '!'; });
}

Result<Secret> make_yescrypt(const Secret& password) {
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  const auto salt = random_octets(salt_octets);
  if (::crypt_gensalt_rn("$y$", 0, salt.data(), static_cast<int>(salt.size()), setting.data(), setting.size()) ==
      nullptr) {
    return failure(Error::Kind::unsupported, "this system's crypt(3) has no yescrypt");
  }
  std::string plain(password.reveal());
  auto made = crypt_text(plain, setting.data());
  ::OPENSSL_cleanse(plain.data(), plain.size());
  if (made.starts_with('*')) return failure(Error::Kind::unsupported, "this system's crypt(3) has no yescrypt");
  return Secret("{CRYPT}" + made);
}

// ---- Plain digests, with the salt behind them ----

struct DigestScheme {
  std::string_view name;
  const EVP_MD* (*kind)();
  bool salted;
};
constexpr std::array digest_schemes{
    DigestScheme{"SHA256", &::EVP_sha256, false}, DigestScheme{"SSHA256", &::EVP_sha256, true},
    DigestScheme{"SHA512", &::EVP_sha512, false}, DigestScheme{"SSHA512", &::EVP_sha512, true}};

bool digest_matches(const DigestScheme& scheme, std::string_view octets, const Secret& password) {
  const auto size = static_cast<std::size_t>(::EVP_MD_get_size(scheme.kind()));
  if (octets.size() < size || (!scheme.salted && octets.size() != size)) return false;
  std::string salted(password.reveal());
  salted += octets.substr(size);
  const auto made = digest(scheme.kind(), salted);
  ::OPENSSL_cleanse(salted.data(), salted.size());
  return same_octets(made, octets.substr(0, size));
}

const DigestScheme* find_digest(std::string_view name) {
  const auto* found = std::ranges::find(digest_schemes, name, &DigestScheme::name);
  return found == digest_schemes.end() ? nullptr : found;
}

// ---- All of them ----

bool is_crypt_scheme(std::string_view scheme) {
  static constexpr std::array names{std::string_view("CRYPT"),        std::string_view("SHA512-CRYPT"),
                                    std::string_view("SHA256-CRYPT"), std::string_view("MD5-CRYPT"),
                                    std::string_view("BLF-CRYPT"),    std::string_view("DES-CRYPT")};
  return std::ranges::find(names, scheme) != names.end();
}

bool is_argon_scheme(std::string_view scheme) { return scheme == "ARGON2ID" || scheme == "ARGON2I"; }
bool is_plain_scheme(std::string_view scheme) { return scheme == "PLAIN" || scheme == "CLEARTEXT"; }

}  // namespace

std::optional<HashScheme> hash_scheme_of(std::string_view name) {
  if (ascii::same_word(name, "scram-sha-256")) return HashScheme::scram_sha_256;
  if (ascii::same_word(name, "argon2id")) return HashScheme::argon2id;
  if (ascii::same_word(name, "yescrypt") || ascii::same_word(name, "crypt")) return HashScheme::yescrypt;
  return std::nullopt;
}

std::optional<Secret> prepared_password(const Secret& password) {
  const std::string text(password.reveal());
  if (text.contains('\0')) return std::nullopt;
  char* prepared = nullptr;
  if (::gsasl_saslprep(text.c_str(), GSASL_ALLOW_UNASSIGNED, &prepared, nullptr) != GSASL_OK) return std::nullopt;
  Secret result{std::string(prepared)};
  ::OPENSSL_cleanse(prepared, std::strlen(prepared));
  ::gsasl_free(prepared);
  return result;
}

Result<Secret> hash_password(const Secret& password, HashScheme scheme) {
  const auto prepared = prepared_password(password);
  if (!prepared) return failure(Error::Kind::invalid, "a password has no control characters, and is UTF-8");
  if (prepared->is_empty()) return failure(Error::Kind::invalid, "a password must not be empty");
  if (prepared->reveal().size() > longest_password) {
    return failure(Error::Kind::invalid, "a password has at most 1024 octets");
  }
  switch (scheme) {
    case HashScheme::scram_sha_256:
      return to_hash(make_verifier(*prepared, random_octets(salt_octets), scram_iterations));
    case HashScheme::argon2id:
      return make_argon(*prepared);
    case HashScheme::yescrypt:
      return make_yescrypt(*prepared);
  }
  return failure(Error::Kind::unsupported, "no such scheme");
}

Secret to_hash(const ScramVerifier& verifier) {
  return Secret("{SCRAM-SHA-256}" + std::to_string(verifier.iterations) + "," + base64::encode(verifier.salt) + "," +
                base64::encode(verifier.stored_key) + "," + base64::encode(verifier.server_key));
}

bool is_usable_hash(const Secret& hash) {
  const auto parts = parts_of(hash);
  if (!parts) return false;
  if (const auto* scheme = find_digest(parts->scheme)) {
    const auto octets = decoded(*parts, "B64");
    return octets && octets->size() >= static_cast<std::size_t>(::EVP_MD_get_size(scheme->kind()));
  }
  const auto text = decoded(*parts, "NONE");
  if (!text) return false;
  if (is_plain_scheme(parts->scheme)) return !text->empty();
  if (is_argon(*text))
    return (is_argon_scheme(parts->scheme) || parts->scheme == "CRYPT") && is_affordable_argon(*text);
  if (parts->scheme == "SCRAM-SHA-256") return parse_verifier(*text).has_value();
  return is_crypt_scheme(parts->scheme) && is_usable_crypt(*text);
}

bool is_password_of(const Secret& hash, const Secret& password) {
  const auto prepared = prepared_password(password);
  if (!is_usable_hash(hash) || !prepared || prepared->reveal().size() > longest_password) return false;
  const auto parts = parts_of(hash);
  if (const auto* scheme = find_digest(parts->scheme))
    return digest_matches(*scheme, *decoded(*parts, "B64"), *prepared);
  const auto text = *decoded(*parts, "NONE");
  // Digests of both, so that the time does not tell how long the right one is.
  if (is_plain_scheme(parts->scheme)) {
    return same_octets(digest(::EVP_sha256(), text), digest(::EVP_sha256(), prepared->reveal()));
  }
  if (is_argon(text)) return argon_matches(text, *prepared);
  if (parts->scheme == "SCRAM-SHA-256") return scram_matches(text, *prepared);
  return crypt_matches(text, *prepared);
}

std::optional<ScramVerifier> scram_verifier_of(const Secret& hash) {
  const auto parts = parts_of(hash);
  if (!parts || parts->scheme != "SCRAM-SHA-256") return std::nullopt;
  const auto text = decoded(*parts, "NONE");
  return text ? parse_verifier(*text) : std::nullopt;
}

}  // namespace posthorn::system
