#include "system/tls_client_context.hpp"

#include "base/ip_address.hpp"
#include "system/tls_pem.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

namespace posthorn::system {
namespace {

using world::TlsClientPolicy;
using Verify = TlsClientPolicy::Verify;

const unsigned char* octets_of(const std::string& text) {
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}

/// RFC 7672 §3.1: only DANE-TA(2) and DANE-EE(3) are for SMTP; OpenSSL says which of them it can use.
Result<> use_dane(SSL* ssl, const TlsClientPolicy& policy) {
  const auto& base = policy.names.empty() ? policy.server_name : policy.names.front();
  if (::SSL_dane_enable(ssl, base.c_str()) <= 0) return tls_failure("ask for DANE");
  ::SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);  // RFC 7672 §3.1.1
  unsigned usable = 0;
  for (const auto& record : policy.tlsa) {
    if (record.usage != 2 && record.usage != 3) continue;
    const int added = ::SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching, octets_of(record.data),
                                          record.data.size());
    if (added > 0) ++usable;
  }
  ::ERR_clear_error();
  // RFC 7672 §2.2: with no record that can be used, TLS is mandatory but its peer is not verified.
  ::SSL_set_verify(ssl, usable > 0 ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  return {};
}

/// RFC 7817 §3, RFC 6125: the certificate must be for one of these names.
Result<> expect_names(SSL* ssl, const std::vector<std::string>& names) {
  ::SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  for (const auto& name : names) {
    auto* const parameters = ::SSL_get0_param(ssl);
    const bool is_address = IpAddress::parse(name).has_value();
    const bool done = is_address ? ::X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1
                                 : ::SSL_add1_host(ssl, name.c_str()) == 1;
    if (!done) return tls_failure("expect the name " + name);
  }
  return {};
}

Result<> show_certificate(SSL* ssl, const TlsClientPolicy& policy) {
  if (policy.certificate_file.empty()) return {};
  if (::SSL_use_certificate_chain_file(ssl, policy.certificate_file.c_str()) != 1) {
    return tls_failure("use the client certificate in " + policy.certificate_file);
  }
  const auto& key_file = policy.key_file.empty() ? policy.certificate_file : policy.key_file;
  const auto key = read_key(key_file);
  if (!key) return failure(key.error());
  if (::SSL_use_PrivateKey(ssl, key->get()) != 1) return tls_failure("use the client key in " + key_file);
  return {};
}

Result<> set_verification(SSL* ssl, const TlsClientPolicy& policy) {
  switch (policy.verify) {
    case Verify::nothing:
      // Weak certificates are better than none where nothing is verified.
      ::SSL_set_security_level(ssl, 1);
      ::SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
      return expect_names(ssl, policy.names);
    case Verify::fingerprint:
      ::SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
      return {};
    case Verify::names:
      if (policy.names.empty()) return failure(Error::Kind::invalid, "no name to verify the certificate by");
      ::SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
      return expect_names(ssl, policy.names);
    case Verify::dane: {
      auto enabled = use_dane(ssl, policy);
      return enabled ? expect_names(ssl, policy.names) : enabled;
    }
  }
  return {};
}

/// Whether the handshake ended with a chain, names or TLSA record that hold.
TlsVerdict judge_chain(const SSL* ssl) {
  const auto result = ::SSL_get_verify_result(ssl);
  if (result != X509_V_OK) return {.why_not = ::X509_verify_cert_error_string(result)};
  return {.verified = true};
}

TlsVerdict judge_fingerprint(const SSL* ssl, const TlsClientPolicy& policy) {
  const CertificatePointer shown{::SSL_get1_peer_certificate(ssl)};
  const auto fingerprint = shown ? fingerprint_of(shown.get()) : std::string{};
  const bool known =
      !fingerprint.empty() && std::ranges::find(policy.fingerprints, fingerprint) != policy.fingerprints.end();
  if (known) return {.verified = true, .acceptable = true};
  return {.why_not = "the certificate has none of the fingerprints that were set"};
}

TlsVerdict judge_dane(SSL* ssl) {
  // Without a usable record the chain was looked at, but that proves nothing here.
  if (::SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
    return {.acceptable = true, .why_not = "no TLSA record can be used"};
  auto verdict = judge_chain(ssl);
  verdict.verified = verdict.verified && ::SSL_get0_dane_authority(ssl, nullptr, nullptr) >= 0;
  verdict.acceptable = verdict.verified;
  return verdict;
}

}  // namespace

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make() {
  SslContextPointer context{::SSL_CTX_new(::TLS_client_method())};
  if (!context) return tls_failure("make a TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  const bool done = ::SSL_CTX_set_default_verify_paths(context.get()) == 1 && ::SSL_CTX_dane_enable(context.get()) == 1;
  if (!done) return tls_failure("make a TLS context");
  return std::make_shared<const TlsClientContext>(std::move(context));
}

Result<SslPointer> TlsClientContext::prepare(const TlsClientPolicy& policy) const {
  SslPointer ssl{::SSL_new(context_.get())};
  if (!ssl) return tls_failure("make a TLS connection");
  ::SSL_set_connect_state(ssl.get());
  // RFC 6066 §3: no addresses in SNI.
  const bool has_name = !policy.server_name.empty() && !IpAddress::parse(policy.server_name);
  if (has_name) SSL_set_tlsext_host_name(ssl.get(), policy.server_name.c_str());
  auto done = set_verification(ssl.get(), policy);
  if (done) done = show_certificate(ssl.get(), policy);
  if (!done) return failure(std::move(done.error()));
  return ssl;
}

TlsVerdict judge(const SSL* ssl, const TlsClientPolicy& policy) {
  switch (policy.verify) {
    case Verify::nothing: {
      auto verdict = judge_chain(ssl);
      verdict.verified = verdict.verified && !policy.names.empty();
      verdict.acceptable = true;
      return verdict;
    }
    case Verify::names: {
      auto verdict = judge_chain(ssl);
      verdict.acceptable = verdict.verified;
      return verdict;
    }
    case Verify::fingerprint:
      return judge_fingerprint(ssl, policy);
    case Verify::dane:
      return judge_dane(const_cast<SSL*>(ssl));
  }
  return {};
}

}  // namespace posthorn::system
