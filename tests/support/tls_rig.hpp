// Handshakes over real sockets on loopback, with certificates made for the test; a folder stands in for the system's store.
#pragma once

#include "system/clock.hpp"
#include "system/listeners.hpp"
#include "system/openssl.hpp"
#include "system/socket_network.hpp"
#include "system/tls_identities.hpp"
#include "system/worker_threads.hpp"
#include "world/wait.hpp"

#include <gtest/gtest.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace posthorn::system {

using namespace std::chrono_literals;
using world::Stream;
using world::Task;
using world::TlsClientPolicy;
using world::TlsFacts;
using world::TlsServerPolicy;

enum class KeyKind : std::uint8_t { ecdsa, rsa };

struct CertificateWish {
  std::vector<std::string> names;
  KeyKind kind = KeyKind::ecdsa;
  long valid_for = 1'000'000;  ///< seconds
};

/// Key and certificate in PEM, signed by itself.
inline std::string make_pem(const CertificateWish& wish) {
  const KeyPointer key{wish.kind == KeyKind::ecdsa ? ::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                                                   : ::EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})};
  const CertificatePointer certificate{::X509_new()};
  auto* const raw = certificate.get();
  ::X509_set_version(raw, X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(raw), 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(raw), -1'000'000);
  ::X509_gmtime_adj(::X509_getm_notAfter(raw), wish.valid_for);
  ::X509_set_pubkey(raw, key.get());
  auto* const subject = ::X509_get_subject_name(raw);
  const auto* const name = static_cast<const unsigned char*>(static_cast<const void*>(wish.names.front().c_str()));
  ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0);
  ::X509_set_issuer_name(raw, subject);
  std::string all;
  for (const auto& host : wish.names) all += (all.empty() ? "DNS:" : ",DNS:") + host;
  auto* const extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, all.c_str());
  ::X509_add_ext(raw, extension, -1);
  ::X509_EXTENSION_free(extension);
  ::X509_sign(raw, key.get(), ::EVP_sha256());
  const auto pem = bio_to_fill();
  ::PEM_write_bio_X509(pem.get(), raw);
  ::PEM_write_bio_PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return drain(pem.get());
}

/// What a test wants to know of a handshake.
struct Outcome {
  Result<TlsFacts> client;
  Result<TlsFacts> server;
  std::string heard;  ///< what each end heard of the other, after a good handshake
};

struct Pair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "posthorn-tls-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    use_roots("/dev/null");
  }
  void TearDown() override {
    ::unsetenv("SSL_CERT_FILE");
    ::unsetenv("SSL_CERT_DIR");
    std::filesystem::remove_all(folder_);
  }
  /// What stands in for the system's store.
  void use_roots(const std::string& file) {
    ::setenv("SSL_CERT_FILE", file.c_str(), 1);
    ::setenv("SSL_CERT_DIR", folder_.c_str(), 1);
  }

  std::string write(const std::string& name, std::string_view text) {
    std::ofstream{folder_ + "/" + name, std::ios::trunc} << text;
    return folder_ + "/" + name;
  }
  std::string certificate(const std::string& name, const CertificateWish& wish) { return write(name, make_pem(wish)); }
  std::shared_ptr<TlsIdentityStore> identities(std::vector<TlsIdentityFiles> files) {
    auto loaded = TlsIdentityStore::load({.identities = std::move(files)}, clock_.now());
    EXPECT_TRUE(loaded) << loaded.error().text;
    return *loaded;
  }
  TlsServerPolicy serving(const CertificateWish& wish) {
    return {identities({{{}, certificate("server.pem", wish), {}}}), {"smtp"}};
  }

  Pair connect_pair() {
    const std::vector<ListenAddress> addresses{{*Endpoint::parse("127.0.0.1:0"), {}}};
    auto bound = bind_listeners(addresses, {});
    auto acceptor = SocketAcceptor::make(environment_, std::move(bound->at(0).sockets.at(0)), bound->at(0).local);
    return run_to_end(*loop_, [](SocketNetwork& network, SocketAcceptor& from, MonotonicTime until) -> Task<Pair> {
      auto client = co_await network.connect(from.local(), {}, until);
      auto server = co_await from.accept();
      co_return Pair{std::move(*client), std::move(*server)};
    }(network_, **acceptor, soon()));
  }

  static Task<> serve(Stream& stream, TlsServerPolicy policy, MonotonicTime until, Result<TlsFacts>& out,
                      std::string& heard) {
    out = co_await stream.start_tls(std::move(policy), until);
    if (!out) {
      stream.close();
      co_return;
    }
    const auto line = co_await stream.read(until);
    if (line) heard = *line;
    static_cast<void>(co_await stream.write("from server", until));
    stream.end_writing();
  }

  static Task<Outcome> handshake(Pair pair, TlsServerPolicy server, TlsClientPolicy client, MonotonicTime until) {
    Outcome outcome{failure(Error::Kind::other, "not tried"), failure(Error::Kind::other, "not tried"), {}};
    world::TaskGroup group;
    group.start(serve(*pair.server, std::move(server), until, outcome.server, outcome.heard));
    outcome.client = co_await pair.client->start_tls(std::move(client), until);
    if (outcome.client) {
      static_cast<void>(co_await pair.client->write("from client", until));
      for (;;) {
        const auto bytes = co_await pair.client->read(until);
        if (!bytes) outcome.heard += " error: " + bytes.error().text;
        if (!bytes || bytes->empty()) break;
        outcome.heard += "|" + std::string{*bytes};
      }
    } else {
      pair.client->close();
    }
    while (!group.empty()) co_await world::move_to(dynamic_cast<SocketStream&>(*pair.client).loop());
    co_return outcome;
  }

  Outcome shake_hands(TlsServerPolicy server, TlsClientPolicy client) {
    return run_to_end(*loop_, handshake(connect_pair(), std::move(server), std::move(client), soon()));
  }
  [[nodiscard]] MonotonicTime soon() const { return clock_.now() + 20s; }

  std::string folder_;
  SystemClock clock_;
  WorkerThreads workers_{{.name = "tls", .threads = 2}};
  std::unique_ptr<EventLoop> loop_ = *EventLoop::make(clock_);
  StreamEnvironment environment_{*loop_, workers_};
  SocketNetwork network_{environment_};
};

}  // namespace posthorn::system
