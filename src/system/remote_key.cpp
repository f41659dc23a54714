// OpenSSL's provider interface, of which we implement what a server needs to sign: provider-keymgmt(7), provider-signature(7).
// When OpenSSL signs, it first looks for the operation in its own provider, which would need the key exported; as ours
// cannot be, it comes to us.
#include "system/remote_key.hpp"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

namespace posthorn::system {
namespace {

constexpr const char* provider_name = "posthorn-keys";
constexpr const char* provider_property = "provider=posthorn-keys";
constexpr const char* key_parameter = "posthorn-key";

using KeyContextPointer = std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX_free>>;
using DigestContextPointer = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;

struct RemoteKey {
  KeyPointer public_key;
  RemoteKeyFacts facts;
};

template <class Function>
OSSL_DISPATCH entry(int id, Function* function) {
  return {id, std::bit_cast<void (*)()>(function)};
}

constexpr OSSL_DISPATCH no_more_entries{0, nullptr};

// Key management.

void* new_key(void* /*provider*/) { return std::make_unique<RemoteKey>().release(); }
void free_key(void* key) { const std::unique_ptr<RemoteKey> last{static_cast<RemoteKey*>(key)}; }

int has(const void* key, int /*selection*/) {
  const auto* const remote = static_cast<const RemoteKey*>(key);
  return remote != nullptr && remote->public_key ? 1 : 0;
}

int match(const void* one, const void* other, int /*selection*/) {
  return ::EVP_PKEY_eq(static_cast<const RemoteKey*>(one)->public_key.get(),
                       static_cast<const RemoteKey*>(other)->public_key.get()) == 1
             ? 1
             : 0;
}

/// One of ours, from make_remote_key(): what the parameter points to is moved.
bool take_remote_key(RemoteKey& into, const OSSL_PARAM* parameter) {
  const void* octets = nullptr;
  std::size_t size = 0;
  if (::OSSL_PARAM_get_octet_string_ptr(parameter, &octets, &size) != 1 || size != sizeof(RemoteKey*)) return false;
  RemoteKey* from = nullptr;
  std::memcpy(&from, octets, sizeof from);
  into = std::move(*from);
  return true;
}

/// A public key of OpenSSL's own provider, to be compared with one of ours.
bool take_public_key(RemoteKey& into, const char* kind, const OSSL_PARAM* parameters) {
  const KeyContextPointer context{::EVP_PKEY_CTX_new_from_name(nullptr, kind, "provider=default")};
  EVP_PKEY* made = nullptr;
  const bool done = context && ::EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY,
                                        const_cast<OSSL_PARAM*>(parameters)) == 1;  // it does not change them
  into.public_key.reset(made);
  return done;
}

int import(void* key, const char* kind, const OSSL_PARAM* parameters) {
  auto& remote = *static_cast<RemoteKey*>(key);
  const auto* const ours = ::OSSL_PARAM_locate_const(parameters, key_parameter);
  return (ours != nullptr ? take_remote_key(remote, ours) : take_public_key(remote, kind, parameters)) ? 1 : 0;
}

int import_rsa(void* key, int /*selection*/, const OSSL_PARAM* parameters) { return import(key, "RSA", parameters); }
int import_ec(void* key, int /*selection*/, const OSSL_PARAM* parameters) { return import(key, "EC", parameters); }
int import_ed25519(void* key, int /*selection*/, const OSSL_PARAM* parameters) {
  return import(key, "ED25519", parameters);
}

const OSSL_PARAM* import_types(int /*selection*/) {
  static const std::array<OSSL_PARAM, 6> types{
      {OSSL_PARAM_octet_string(key_parameter, nullptr, 0), OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
       OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0), OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
       OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0), OSSL_PARAM_END}};
  return types.data();
}

/// Sizes, the curve, the default digest: all of them are the public key's.
int get_key_parameters(void* key, OSSL_PARAM* parameters) {
  return ::EVP_PKEY_get_params(static_cast<RemoteKey*>(key)->public_key.get(), parameters);
}

const OSSL_PARAM* gettable_key_parameters(void* /*provider*/) {
  static const std::array<OSSL_PARAM, 7> gettable{
      {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr), OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
       OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, nullptr, 0), OSSL_PARAM_END}};
  return gettable.data();
}

const char* ec_operation(int /*operation*/) { return "ECDSA"; }

using ImportFunction = int(void*, int, const OSSL_PARAM*);

std::array<OSSL_DISPATCH, 10> key_management(ImportFunction* import_key, const char* (*operation)(int)) {
  return {entry(OSSL_FUNC_KEYMGMT_NEW, &new_key),
          entry(OSSL_FUNC_KEYMGMT_FREE, &free_key),
          entry(OSSL_FUNC_KEYMGMT_HAS, &has),
          entry(OSSL_FUNC_KEYMGMT_MATCH, &match),
          entry(OSSL_FUNC_KEYMGMT_IMPORT, import_key),
          entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, &import_types),
          entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, &get_key_parameters),
          entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, &gettable_key_parameters),
          operation == nullptr ? no_more_entries : entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation),
          no_more_entries};
}

// Signing.

struct Signing {
  SignScheme scheme = SignScheme::ecdsa;
  const RemoteKey* key = nullptr;
  SignDigest digest = SignDigest::none;
  DigestContextPointer hash;
};

template <SignScheme Scheme>
void* new_signing(void* /*provider*/, const char* /*properties*/) {
  auto signing = std::make_unique<Signing>();
  signing->scheme = Scheme;
  return signing.release();
}

void free_signing(void* context) { const std::unique_ptr<Signing> last{static_cast<Signing*>(context)}; }

/// OpenSSL finishes a copy, so that one may go on with the original.
void* copy_signing(void* context) {
  const auto& from = *static_cast<const Signing*>(context);
  auto copy = std::make_unique<Signing>();
  copy->scheme = from.scheme;
  copy->key = from.key;
  copy->digest = from.digest;
  if (!from.hash) return copy.release();
  copy->hash.reset(::EVP_MD_CTX_new());
  return copy->hash && ::EVP_MD_CTX_copy_ex(copy->hash.get(), from.hash.get()) == 1 ? copy.release() : nullptr;
}

std::pair<SignDigest, const EVP_MD*> find_digest(const char* name) {
  if (name == nullptr || *name == '\0') return {SignDigest::none, nullptr};
  for (const auto& [digest, known] :
       {std::pair{SignDigest::sha256, ::EVP_sha256()}, std::pair{SignDigest::sha384, ::EVP_sha384()},
        std::pair{SignDigest::sha512, ::EVP_sha512()}}) {
    if (::EVP_MD_is_a(known, name) == 1) return {digest, known};
  }
  return {SignDigest::none, nullptr};
}

int set_parameters(void* context, const OSSL_PARAM* parameters);

int begin_signing(void* context, const char* digest_name, void* key, const OSSL_PARAM* parameters) {
  auto& signing = *static_cast<Signing*>(context);
  if (key != nullptr) signing.key = static_cast<const RemoteKey*>(key);
  const auto [digest, known] = find_digest(digest_name);
  const bool needs_digest = signing.scheme != SignScheme::ed25519;
  if (signing.key == nullptr || !signing.key->facts.signer || needs_digest != (known != nullptr)) return 0;
  signing.digest = digest;
  if (!needs_digest) return 1;
  signing.hash.reset(::EVP_MD_CTX_new());
  if (!signing.hash || ::EVP_DigestInit_ex(signing.hash.get(), known, nullptr) != 1) return 0;
  return set_parameters(context, parameters);
}

int update_signing(void* context, const unsigned char* octets, std::size_t count) {
  auto& signing = *static_cast<Signing*>(context);
  return signing.hash ? ::EVP_DigestUpdate(signing.hash.get(), octets, count) : 0;
}

/// Has `data` signed, or with `into` null tells how much room that needs.
int finish(Signing& signing, unsigned char* into, std::size_t* size, std::size_t room, std::string data) {
  const auto signature = signing.key->facts.signer->sign({.key = signing.key->facts.number,
                                                          .purpose = signing.key->facts.purpose,
                                                          .scheme = signing.scheme,
                                                          .digest = signing.digest,
                                                          .data = std::move(data)});
  if (!signature || signature->size() > room) return 0;
  std::memcpy(into, signature->data(), signature->size());
  *size = signature->size();
  return 1;
}

int tell_size(const Signing& signing, std::size_t* size) {
  const int most = ::EVP_PKEY_get_size(signing.key->public_key.get());
  *size = most > 0 ? static_cast<std::size_t>(most) : 0;
  return most > 0 ? 1 : 0;
}

int finish_signing(void* context, unsigned char* into, std::size_t* size, std::size_t room) {
  auto& signing = *static_cast<Signing*>(context);
  if (into == nullptr) return tell_size(signing, size);
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned digest_size = 0;
  auto* const octets = static_cast<unsigned char*>(static_cast<void*>(digest.data()));
  if (!signing.hash || ::EVP_DigestFinal_ex(signing.hash.get(), octets, &digest_size) != 1) return 0;
  digest.resize(digest_size);
  return finish(signing, into, size, room, std::move(digest));
}

/// Ed25519 has no digest of its own to be told apart from the message.
int sign_at_once(void* context, unsigned char* into, std::size_t* size, std::size_t room, const unsigned char* octets,
                 std::size_t count) {
  auto& signing = *static_cast<Signing*>(context);
  if (into == nullptr) return tell_size(signing, size);
  if (count > KeysLimits::signed_octets) return 0;
  return finish(signing, into, size, room, std::string{octets, octets + count});
}

bool is(const OSSL_PARAM& parameter, std::string_view text, int number) {
  if (parameter.data_type == OSSL_PARAM_UTF8_STRING) {
    const auto* const words = static_cast<const char*>(parameter.data);
    return words != nullptr && std::string_view{words} == text;
  }
  int value = 0;
  return ::OSSL_PARAM_get_int(&parameter, &value) == 1 && value == number;
}

/// The padding of RSA, and nothing that the keys process would not do anyway.
int set_parameters(void* context, const OSSL_PARAM* parameters) {
  auto& signing = *static_cast<Signing*>(context);
  if (parameters == nullptr) return 1;
  if (const auto* const padding = ::OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE)) {
    const bool pss = is(*padding, OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING);
    if (!pss && !is(*padding, OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING)) return 0;
    signing.scheme = pss ? SignScheme::rsa_pss : SignScheme::rsa_pkcs1;
  }
  const auto* const salt = ::OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
  return salt == nullptr || is(*salt, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST) ? 1 : 0;
}

const OSSL_PARAM* settable_parameters(void* /*context*/, void* /*provider*/) {
  static const std::array<OSSL_PARAM, 3> settable{{OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
                                                   OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
                                                   OSSL_PARAM_END}};
  return settable.data();
}

std::array<OSSL_DISPATCH, 9> signing_with_digest(void* (*new_context)(void*, const char*)) {
  return {entry(OSSL_FUNC_SIGNATURE_NEWCTX, new_context),
          entry(OSSL_FUNC_SIGNATURE_FREECTX, &free_signing),
          entry(OSSL_FUNC_SIGNATURE_DUPCTX, &copy_signing),
          entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, &begin_signing),
          entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, &update_signing),
          entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, &finish_signing),
          entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, &set_parameters),
          entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, &settable_parameters),
          no_more_entries};
}

std::array<OSSL_DISPATCH, 6> signing_at_once() {
  return {entry(OSSL_FUNC_SIGNATURE_NEWCTX, &new_signing<SignScheme::ed25519>),
          entry(OSSL_FUNC_SIGNATURE_FREECTX, &free_signing),
          entry(OSSL_FUNC_SIGNATURE_DUPCTX, &copy_signing),
          entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, &begin_signing),
          entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, &sign_at_once),
          no_more_entries};
}

// The provider.

const OSSL_ALGORITHM* all_keys() {
  static const auto rsa = key_management(&import_rsa, nullptr);
  static const auto ec = key_management(&import_ec, &ec_operation);
  static const auto ed25519 = key_management(&import_ed25519, nullptr);
  static const std::array<OSSL_ALGORITHM, 4> algorithms{{{"RSA", provider_property, rsa.data(), nullptr},
                                                         {"EC", provider_property, ec.data(), nullptr},
                                                         {"ED25519", provider_property, ed25519.data(), nullptr},
                                                         {nullptr, nullptr, nullptr, nullptr}}};
  return algorithms.data();
}

const OSSL_ALGORITHM* all_signatures() {
  static const auto rsa = signing_with_digest(&new_signing<SignScheme::rsa_pkcs1>);
  static const auto ecdsa = signing_with_digest(&new_signing<SignScheme::ecdsa>);
  static const auto ed25519 = signing_at_once();
  static const std::array<OSSL_ALGORITHM, 4> algorithms{{{"RSA", provider_property, rsa.data(), nullptr},
                                                         {"ECDSA", provider_property, ecdsa.data(), nullptr},
                                                         {"ED25519", provider_property, ed25519.data(), nullptr},
                                                         {nullptr, nullptr, nullptr, nullptr}}};
  return algorithms.data();
}

const OSSL_ALGORITHM* find_operation(void* /*provider*/, int operation, int* no_cache) {
  *no_cache = 0;
  if (operation == OSSL_OP_KEYMGMT) return all_keys();
  return operation == OSSL_OP_SIGNATURE ? all_signatures() : nullptr;
}

void end_provider(void* /*provider*/) {}

int begin_provider(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* /*core*/, const OSSL_DISPATCH** functions,
                   void** provider) {
  static const std::array<OSSL_DISPATCH, 3> all{entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, &find_operation),
                                                entry(OSSL_FUNC_PROVIDER_TEARDOWN, &end_provider), no_more_entries};
  *functions = all.data();
  *provider = const_cast<OSSL_CORE_HANDLE*>(handle);
  return 1;
}

using ProviderPointer = std::unique_ptr<OSSL_PROVIDER, FreeBy<OSSL_PROVIDER_unload>>;

/// OpenSSL's own provider first: what both can do, it does, but for keys of ours.
struct Providers {
  ProviderPointer standard{::OSSL_PROVIDER_load(nullptr, "default")};
  bool is_known = ::OSSL_PROVIDER_add_builtin(nullptr, provider_name, &begin_provider) == 1;
  ProviderPointer ours{::OSSL_PROVIDER_load(nullptr, provider_name)};
};

}  // namespace

Result<KeyPointer> make_remote_key(EVP_PKEY* public_key, RemoteKeyFacts facts) {
  static const Providers providers;  // for the life of the process
  if (!providers.standard || !providers.ours || ::EVP_PKEY_up_ref(public_key) != 1)
    return tls_failure("set up OpenSSL for keys elsewhere");
  RemoteKey key{.public_key = KeyPointer{public_key}, .facts = std::move(facts)};
  auto* from = &key;
  std::array<char, sizeof from> octets{};
  std::memcpy(octets.data(), &from, sizeof from);
  std::array<OSSL_PARAM, 2> parameters{::OSSL_PARAM_construct_octet_string(key_parameter, octets.data(), octets.size()),
                                       ::OSSL_PARAM_construct_end()};
  const KeyContextPointer context{
      ::EVP_PKEY_CTX_new_from_name(nullptr, ::EVP_PKEY_get0_type_name(public_key), provider_property)};
  EVP_PKEY* made = nullptr;
  const bool done = context && ::EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, parameters.data()) == 1;
  if (!done) return tls_failure("use a certificate with this kind of key (RSA, ECDSA and Ed25519 can be used)");
  return KeyPointer{made};
}

}  // namespace posthorn::system
