#include "system/tls_session.hpp"

#include "base/assert.hpp"
#include "system/tls_pem.hpp"

#include <openssl/err.h>

#include <array>
#include <utility>

namespace posthorn::system {
namespace {

/// RFC 7301 §3.1: each name with its length in one octet before it.
std::string to_wire(std::span<const std::string> protocols) {
  std::string wire;
  for (const auto& protocol : protocols) {
    ensure(!protocol.empty() && protocol.size() < 256, "an ALPN name has one to 255 octets");
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

Error handshake_error(SSL* ssl) {
  const auto verified = ::SSL_get_verify_result(ssl);
  auto error = tls_error("TLS handshake");
  if (verified != X509_V_OK && ::SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE) {
    error.text += std::string{" ("} + ::X509_verify_cert_error_string(verified) + ")";
  }
  return error;
}

/// RFC 9266: for TLS 1.3.
std::string exporter_binding(SSL* ssl) {
  static constexpr std::string_view label = "EXPORTER-Channel-Binding";
  if (::SSL_version(ssl) != TLS1_3_VERSION) return {};
  std::array<unsigned char, 32> binding{};
  const bool done =
      ::SSL_export_keying_material(ssl, binding.data(), binding.size(), label.data(), label.size(), nullptr, 0, 0) == 1;
  return done ? std::string{binding.begin(), binding.end()} : std::string{};
}

/// RFC 5929 §3: the first Finished message of the handshake; without the extended master secret (RFC 7627) it binds nothing.
std::string unique_binding(SSL* ssl) {
  if (::SSL_version(ssl) != TLS1_2_VERSION || SSL_get_extms_support(ssl) != 1) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> finished{};
  const bool client_was_first = ::SSL_session_reused(ssl) == 0;
  const bool ours = client_was_first != (::SSL_is_server(ssl) == 1);
  const auto size = ours ? ::SSL_get_finished(ssl, finished.data(), finished.size())
                         : ::SSL_get_peer_finished(ssl, finished.data(), finished.size());
  return {finished.begin(), finished.begin() + static_cast<std::ptrdiff_t>(std::min(size, finished.size()))};
}

void add_peer(world::TlsFacts& facts, const SSL* ssl) {
  const CertificatePointer shown{::SSL_get1_peer_certificate(ssl)};
  if (!shown) return;
  facts.peer_subject = text_of(::X509_get_subject_name(shown.get()));
  facts.peer_issuer = text_of(::X509_get_issuer_name(shown.get()));
  facts.peer_fingerprint = fingerprint_of(shown.get());
  facts.peer_expires = expiry_of(shown.get());
}

std::string chosen_protocol(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  ::SSL_get0_alpn_selected(ssl, &name, &size);
  return size == 0 ? std::string{} : std::string{name, name + size};
}

}  // namespace

Result<std::unique_ptr<TlsSession>> TlsSession::accept(std::shared_ptr<const TlsServerContexts> contexts,
                                                       std::span<const std::string> protocols) {
  SslPointer ssl{::SSL_new(contexts->standard())};
  if (!ssl) return tls_failure("make a TLS connection");
  ::SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsSession>(std::move(ssl), std::move(contexts), protocols);
}

Result<std::unique_ptr<TlsSession>> TlsSession::connect(const TlsClientContext& context,
                                                        const world::TlsClientPolicy& policy) {
  auto ssl = context.prepare(policy);
  if (!ssl) return failure(std::move(ssl.error()));
  return std::make_unique<TlsSession>(std::move(*ssl), nullptr, std::span<const std::string>{});
}

TlsSession::TlsSession(SslPointer ssl, std::shared_ptr<const TlsServerContexts> contexts,
                       std::span<const std::string> protocols)
    : ssl_(std::move(ssl)), contexts_(std::move(contexts)), protocols_{to_wire(protocols)} {
  SSL_set_app_data(ssl_.get(), &protocols_);
  ::SSL_set_bio(ssl_.get(), bio_over({}).release(), bio_to_fill().release());
}

template <class Call>
auto TlsSession::with_input(std::string_view bytes, Call call) {
  const bool is_first = input_.empty();
  if (!is_first) input_ += bytes;
  const std::string_view all = is_first ? bytes : std::string_view{input_};
  ::SSL_set0_rbio(ssl_.get(), bio_over(all).release());
  ::ERR_clear_error();
  const auto result = call();
  const auto left = ::BIO_ctrl_pending(::SSL_get_rbio(ssl_.get()));
  std::string rest{all.substr(all.size() - left)};
  input_ = std::move(rest);
  ::SSL_set0_rbio(ssl_.get(), bio_over({}).release());
  return result;
}

Result<TlsSession::Progress> TlsSession::advance() {
  // SSL_get_error asks the BIO, too, so it is called while that is there.
  const auto outcome = with_input({}, [this] { return ::SSL_get_error(ssl_.get(), ::SSL_do_handshake(ssl_.get())); });
  if (outcome == SSL_ERROR_NONE) return Progress::done;
  if (outcome == SSL_ERROR_WANT_READ) return Progress::needs_input;
  return failure(handshake_error(ssl_.get()));
}

Result<TlsSession::Opened> TlsSession::open(std::string_view bytes, std::span<char> into) {
  Opened opened;
  const auto last = with_input(bytes, [&] {
    while (opened.octets < into.size()) {
      const auto rest = into.subspan(opened.octets);
      std::size_t count = 0;
      const int outcome = ::SSL_read_ex(ssl_.get(), rest.data(), rest.size(), &count);
      if (outcome != 1) return ::SSL_get_error(ssl_.get(), outcome);
      opened.octets += count;
    }
    return SSL_ERROR_WANT_READ;
  });
  opened.ended = last == SSL_ERROR_ZERO_RETURN;
  const bool failed = last != SSL_ERROR_WANT_READ && !opened.ended;
  if (failed && opened.octets == 0) return tls_failure("TLS");
  return opened;
}

Result<> TlsSession::seal(std::string_view bytes) {
  ::ERR_clear_error();
  std::size_t written = 0;
  if (bytes.empty()) return {};
  if (::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) return tls_failure("TLS");
  ensure(written == bytes.size(), "memory takes all of a record");
  return {};
}

void TlsSession::say_goodbye() {
  ::ERR_clear_error();
  static_cast<void>(::SSL_shutdown(ssl_.get()));
  ::ERR_clear_error();
}

world::TlsFacts TlsSession::facts() const {
  auto* const ssl = ssl_.get();
  world::TlsFacts facts;
  facts.protocol = ::SSL_get_version(ssl);
  facts.cipher = ::SSL_CIPHER_get_name(::SSL_get_current_cipher(ssl));
  facts.bits = static_cast<unsigned>(::SSL_CIPHER_get_bits(::SSL_get_current_cipher(ssl), nullptr));
  facts.resumed = ::SSL_session_reused(ssl) == 1;
  const char* const name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name != nullptr) facts.server_name = name;
  facts.application_protocol = chosen_protocol(ssl);
  add_peer(facts, ssl);
  facts.exporter_binding = exporter_binding(ssl);
  facts.unique_binding = unique_binding(ssl);
  return facts;
}

}  // namespace posthorn::system
