// What the server asks of TLS and what it learns from a handshake, free of any TLS library. system/tls_* does the work.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace posthorn::world {

/// The certificates a server shows, chosen by SNI; made and reloaded in system/. Opaque here.
class TlsIdentities {
 public:
  TlsIdentities() = default;
  TlsIdentities(const TlsIdentities&) = delete;
  TlsIdentities& operator=(const TlsIdentities&) = delete;
  virtual ~TlsIdentities() = default;
};

struct TlsServerPolicy {
  std::shared_ptr<TlsIdentities> identities;
  std::vector<std::string> application_protocols;  ///< ALPN names we answer to ("smtp"); another name is refused
};

/// One TLSA record (RFC 6698 §2.1), for DANE.
struct TlsaRecord {
  std::uint8_t usage = 0;
  std::uint8_t selector = 0;
  std::uint8_t matching = 0;
  std::string data;
};

struct TlsClientPolicy {
  enum class Verify : std::uint8_t {
    nothing,      ///< encrypt, whoever it is (RFC 7435)
    names,        ///< a chain to the system's store, and one of `names`
    dane,         ///< `tlsa` (RFC 7672)
    fingerprint,  ///< SHA-256 of the certificate is one of `fingerprints`
  };
  Verify verify = Verify::nothing;
  std::string server_name;         ///< SNI; empty: none
  std::vector<std::string> names;  ///< reference identifiers (RFC 7817 §3)
  std::vector<TlsaRecord> tlsa;
  std::vector<std::string> fingerprints;  ///< 32 octets each
  std::string certificate_file;           ///< client certificate and key, PEM; empty: none
  std::string key_file;
};

/// What a handshake brought.
struct TlsFacts {
  std::string protocol;  ///< "TLSv1.3"
  std::string cipher;    ///< "TLS_AES_256_GCM_SHA384"
  unsigned bits = 0;
  bool resumed = false;
  std::string server_name;           ///< SNI the client sent, or we sent
  std::string application_protocol;  ///< ALPN, empty: none
  bool peer_verified = false;
  std::string peer_subject;  ///< of the peer's certificate, empty: it showed none
  std::string peer_issuer;
  std::string peer_fingerprint;   ///< SHA-256 of it, 32 octets
  std::int64_t peer_expires = 0;  ///< seconds since 1970
  std::string verify_error;       ///< why peer_verified is false, in words
  std::string exporter_binding;   ///< tls-exporter channel binding (RFC 9266), 32 octets; TLS 1.3
  std::string unique_binding;     ///< tls-unique (RFC 5929 §3); TLS 1.2
};

}  // namespace posthorn::world
