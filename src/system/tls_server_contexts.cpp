#include "system/tls_server_contexts.hpp"

#include "base/ascii.hpp"
#include "system/tls_pem.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace posthorn::system {
namespace {

constexpr std::string_view session_context = "posthorn";

/// RFC 9325 §4.2: forward secrecy and authenticated encryption only, for TLS 1.2; TLS 1.3 has no others.
constexpr const char* cipher_list = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view groups = "X25519:P-256:P-384:P-521";
constexpr std::string_view signature_algorithms =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:"
    "RSA+SHA512";

/// RFC 7301 §3.2: a client that offers protocols, none of which is ours, is refused. Cross-protocol attacks end here.
int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned offered_size, void* /*data*/) {
  const auto* const protocols = static_cast<const TlsProtocols*>(SSL_get_app_data(ssl));
  if (protocols == nullptr || protocols->wire.empty()) return SSL_TLSEXT_ERR_NOACK;
  const auto* const ours = static_cast<const unsigned char*>(static_cast<const void*>(protocols->wire.data()));
  unsigned char* found = nullptr;
  const auto outcome = ::SSL_select_next_proto(&found, chosen_size, ours, static_cast<unsigned>(protocols->wire.size()),
                                               offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// RFC 6066 §3: a name that is none of ours is served with the standard identity: mail that is encrypted for a name we do
/// not know is better than mail in the clear.
int choose_identity(SSL* ssl, int* /*alert*/, void* contexts) {
  const char* const name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  auto* const found = static_cast<const TlsServerContexts*>(contexts)->find(name);
  if (found == nullptr) return SSL_TLSEXT_ERR_NOACK;
  ::SSL_set_SSL_CTX(ssl, found);
  return SSL_TLSEXT_ERR_OK;
}

Result<SslContextPointer> make_context(bool only_tls_1_3) {
  SslContextPointer context{::SSL_CTX_new(::TLS_server_method())};
  if (!context) return tls_failure("make a TLS context");
  auto* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, only_tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  ::SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  // Sessions live in tickets, with the client; one ticket each.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(raw, 1);
  const auto* const name = static_cast<const unsigned char*>(static_cast<const void*>(session_context.data()));
  ::SSL_CTX_set_session_id_context(raw, name, static_cast<unsigned>(session_context.size()));
  ::SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
  std::string group_list{groups};  // OpenSSL's macros take no const
  std::string algorithm_list{signature_algorithms};
  const bool set = ::SSL_CTX_set_cipher_list(raw, cipher_list) == 1 &&
                   SSL_CTX_set1_groups_list(raw, group_list.data()) == 1 &&
                   SSL_CTX_set1_sigalgs_list(raw, algorithm_list.data()) == 1;
  if (!set) return tls_failure("set the TLS suites");
  return context;
}

Result<> use_certificates(SSL_CTX* context, const TlsMaterial& material) {
  const std::span chain{material.chain};
  bool done = ::SSL_CTX_use_certificate(context, chain.front().get()) == 1 &&
              ::SSL_CTX_use_PrivateKey(context, material.key.get()) == 1;
  if (done) SSL_CTX_clear_chain_certs(context);
  for (const auto& certificate : chain.subspan(1)) {
    done = done && SSL_CTX_add1_chain_cert(context, certificate.get()) == 1;
  }
  if (!done) return tls_failure("use the certificate in " + material.files.certificate);
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsServerContexts>> TlsServerContexts::load(const TlsIdentitySettings& settings) {
  const auto materials = settings.source->read();
  if (!materials) return failure(materials.error());
  return make(*materials, settings);
}

Result<std::shared_ptr<const TlsServerContexts>> TlsServerContexts::make(const std::vector<TlsMaterial>& materials,
                                                                         const TlsIdentitySettings& settings) {
  if (materials.empty()) return failure(Error::Kind::invalid, "there is no certificate to show");
  auto all = std::make_shared<TlsServerContexts>();
  for (const auto& material : materials) {
    if (auto added = all->add(material, settings); !added) return failure(std::move(added.error()));
  }
  SSL_CTX_set_tlsext_servername_callback(all->standard(), choose_identity);
  SSL_CTX_set_tlsext_servername_arg(all->standard(), all.get());
  return all;
}

Result<> TlsServerContexts::add(const TlsMaterial& material, const TlsIdentitySettings& settings) {
  const auto* const certificate = material.chain.front().get();
  const auto expiry = expiry_of(certificate);
  first_expiry_ = first_expiry_ == 0 ? expiry : std::min(first_expiry_, expiry);
  const auto& names = material.files.names;
  const auto context = context_for(names.empty() ? names_in(certificate) : names, settings);
  if (!context) return failure(context.error());
  if (!kinds_.emplace(*context, ::EVP_PKEY_get_base_id(::X509_get0_pubkey(certificate))).second) {
    return failure(Error::Kind::invalid, "the certificate in " + material.files.certificate +
                                             " is the second of its kind for the same names");
  }
  return use_certificates(*context, material);
}

Result<SSL_CTX*> TlsServerContexts::context_for(std::vector<std::string> names, const TlsIdentitySettings& settings) {
  for (auto& name : names) name = ascii::lower(name);
  std::ranges::sort(names);
  if (const auto found = by_names_.find(names); found != by_names_.end()) return found->second;
  auto made = make_context(settings.only_tls_1_3);
  if (!made) return failure(std::move(made.error()));
  auto* const context = made->get();
  contexts_.push_back(std::move(*made));
  for (const auto& name : names) by_name_.emplace(name, context);
  by_names_.emplace(std::move(names), context);
  return context;
}

SSL_CTX* TlsServerContexts::find(std::string_view server_name) const {
  auto name = ascii::lower(server_name);
  if (name.ends_with('.')) name.pop_back();
  if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
  // RFC 6125 §6.4.3: a star stands for the whole first label.
  const auto dot = name.find('.');
  if (dot == std::string::npos) return nullptr;
  const auto found = by_name_.find("*" + name.substr(dot));
  return found == by_name_.end() ? nullptr : found->second;
}

void TlsServerContexts::take_ticket_keys_of(const TlsServerContexts& other) const {
  std::array<char, 80> keys{};
  const auto size = SSL_CTX_get_tlsext_ticket_keys(other.standard(), nullptr, 0);
  if (size <= 0 || static_cast<std::size_t>(size) > keys.size()) return;
  if (SSL_CTX_get_tlsext_ticket_keys(other.standard(), keys.data(), size) != 1) return;
  SSL_CTX_set_tlsext_ticket_keys(standard(), keys.data(), size);
}

}  // namespace posthorn::system
