// TLS over real sockets on loopback, with certificates made for the test: identities and SNI, resumption, verification in
// each way, and what must be refused.
#include "system/tls_identities.hpp"

#include "system/clock.hpp"
#include "system/listeners.hpp"
#include "system/openssl.hpp"
#include "system/socket_network.hpp"
#include "system/tls_certificate.hpp"
#include "system/tls_pem.hpp"
#include "system/tls_session.hpp"
#include "system/worker_threads.hpp"
#include "world/wait.hpp"

#include <gtest/gtest.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

namespace posthorn::system {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using world::Stream;
using world::Task;
using world::TlsClientPolicy;
using world::TlsFacts;
using world::TlsServerPolicy;
using Verify = TlsClientPolicy::Verify;

enum class KeyKind : std::uint8_t { ecdsa, rsa };

struct CertificateWish {
  std::vector<std::string> names;
  KeyKind kind = KeyKind::ecdsa;
  long valid_for = 1'000'000;  ///< seconds
};

/// Key and certificate in PEM, signed by itself.
std::string make_pem(const CertificateWish& wish) {
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
    fs::remove_all(folder_);
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

std::string sha256(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  ::SHA256(static_cast<const unsigned char*>(static_cast<const void*>(text.data())), text.size(), digest.data());
  return {digest.begin(), digest.end()};
}

CertificatePointer first_certificate(const std::string& pem) {
  return std::move(read_certificates(pem, "test")->at(0));
}

std::string public_key_of(const X509* certificate) {
  unsigned char* der = nullptr;
  const auto size = ::i2d_X509_PUBKEY(::X509_get_X509_PUBKEY(certificate), &der);
  std::string key{der, der + size};
  ::OPENSSL_free(der);
  return key;
}

TEST_F(TlsTest, BothEndsSpeakTls13AndKnowIt) {
  const auto outcome = shake_hands(serving({{"mx.test"}}), {.server_name = "mx.test"});
  ASSERT_TRUE(outcome.client) << outcome.client.error().text;
  ASSERT_TRUE(outcome.server) << outcome.server.error().text;
  EXPECT_EQ(outcome.heard, "from client|from server");
  EXPECT_EQ(outcome.client->protocol, "TLSv1.3");
  EXPECT_EQ(outcome.server->protocol, "TLSv1.3");
  EXPECT_EQ(outcome.client->cipher, outcome.server->cipher);
  EXPECT_GE(outcome.client->bits, 128U);
  EXPECT_EQ(outcome.server->server_name, "mx.test");
  EXPECT_EQ(outcome.client->peer_subject, "CN=mx.test");
  EXPECT_EQ(outcome.client->peer_fingerprint.size(), 32U);
  EXPECT_GT(outcome.client->peer_expires, 1'700'000'000);
  EXPECT_FALSE(outcome.client->peer_verified);
  EXPECT_FALSE(outcome.client->verify_error.empty());
  EXPECT_EQ(outcome.client->exporter_binding.size(), 32U);
  EXPECT_EQ(outcome.client->exporter_binding, outcome.server->exporter_binding);
  EXPECT_EQ(outcome.client->unique_binding, "");
}

TEST_F(TlsTest, IdentitiesAreChosenByName) {
  const auto store = identities({{{}, certificate("a.pem", {{"a.test"}}), {}},
                                 {{}, certificate("b.pem", {{"b.test", "*.wild.test"}}), {}},
                                 {{"other.test"}, certificate("c.pem", {{"c.test"}}), {}}});
  const std::vector<std::pair<std::string, std::string>> rows{
      {"a.test", "CN=a.test"},       {"B.TEST", "CN=b.test"},
      {"x.wild.test", "CN=b.test"},  {"x.y.wild.test", "CN=a.test"},
      {"other.test", "CN=c.test"},   {"c.test", "CN=a.test"},
      {"unknown.test", "CN=a.test"}, {"", "CN=a.test"}};
  for (const auto& [name, subject] : rows) {
    const auto outcome = shake_hands({store, {}}, {.server_name = name});
    ASSERT_TRUE(outcome.client) << name << ": " << outcome.client.error().text;
    EXPECT_EQ(outcome.client->peer_subject, subject) << name;
  }
}

/// A handshake without sockets, with a client that OpenSSL is told all about.
class BareClient {
 public:
  explicit BareClient(int highest_version) : context_(::SSL_CTX_new(::TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_.get(), highest_version);
  }
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

  /// Returns the server's error, or nothing.
  std::optional<Error> shake_hands(TlsSession& server, SSL_SESSION* resumed = nullptr) {
    if (ssl_) ::SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN);  // else its session counts as broken
    ssl_.reset(::SSL_new(context_.get()));
    ::SSL_set_connect_state(ssl_.get());
    if (resumed != nullptr) ::SSL_set_session(ssl_.get(), resumed);
    ::SSL_set_bio(ssl_.get(), bio_to_fill().release(), bio_to_fill().release());
    BIO_set_mem_eof_return(::SSL_get_rbio(ssl_.get()), -1);
    for (int round = 0; round < 10; ++round) {
      ::SSL_do_handshake(ssl_.get());
      const auto bytes = drain(::SSL_get_wbio(ssl_.get()));
      if (bytes.empty()) break;
      server.feed(bytes);
      const auto step = server.advance();
      put(server.take_output());
      if (!step) return step.error();
      if (*step == TlsSession::Progress::done) break;
    }
    return std::nullopt;
  }
  /// The session, once its ticket has come.
  SSL_SESSION* session() {
    char octet = 0;
    ::SSL_read(ssl_.get(), &octet, 1);
    return ::SSL_get1_session(ssl_.get());
  }
  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }

 private:
  void put(const std::string& bytes) {
    ::BIO_write(::SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  }

  SslContextPointer context_;
  SslPointer ssl_;
};

using SessionPointer = std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>>;

TEST_F(TlsTest, EcdsaAndRsaStandSideBySide) {
  const auto store = identities({{{"mx.test"}, certificate("ec.pem", {{"mx.test"}, KeyKind::ecdsa}), {}},
                                 {{"mx.test"}, certificate("rsa.pem", {{"mx.test"}, KeyKind::rsa}), {}}});
  for (const auto& [algorithms, kind] :
       {std::pair{"ECDSA+SHA256", EVP_PKEY_EC}, std::pair{"RSA-PSS+SHA256", EVP_PKEY_RSA}}) {
    BareClient client{TLS1_3_VERSION};
    std::string list{algorithms};
    SSL_CTX_set1_sigalgs_list(client.context(), list.data());
    auto session = *TlsSession::accept(store->current(), {});
    EXPECT_FALSE(client.shake_hands(*session)) << algorithms;
    const CertificatePointer shown{::SSL_get1_peer_certificate(client.ssl())};
    EXPECT_EQ(::EVP_PKEY_get_base_id(::X509_get0_pubkey(shown.get())), kind) << algorithms;
  }
}

TEST_F(TlsTest, OldVersionsAndWeakSuitesAreRefused) {
  const auto store = identities({{{}, certificate("rsa.pem", {{"mx.test"}, KeyKind::rsa}), {}}});
  const auto refused = [&](int version, const char* ciphers) {
    BareClient client{version};
    ::SSL_CTX_set_security_level(client.context(), 0);
    SSL_CTX_set_min_proto_version(client.context(), TLS1_VERSION);
    if (ciphers != nullptr) ::SSL_CTX_set_cipher_list(client.context(), ciphers);
    auto session = *TlsSession::accept(store->current(), {});
    return client.shake_hands(*session).has_value();
  };
  EXPECT_TRUE(refused(TLS1_VERSION, nullptr));
  EXPECT_TRUE(refused(TLS1_1_VERSION, nullptr));
  EXPECT_FALSE(refused(TLS1_2_VERSION, nullptr));
  for (const auto* ciphers :
       {"kRSA+AESGCM", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA", "aNULL", "eNULL", "DHE-RSA-AES256-SHA"}) {
    EXPECT_TRUE(refused(TLS1_2_VERSION, ciphers)) << ciphers;
  }
}

TEST_F(TlsTest, TlsThirteenAloneWhenAsked) {
  auto store = *TlsIdentityStore::load(
      {.identities = {{{}, certificate("a.pem", {{"mx.test"}}), {}}}, .only_tls_1_3 = true}, clock_.now());
  BareClient client{TLS1_2_VERSION};
  auto session = *TlsSession::accept(store->current(), {});
  EXPECT_TRUE(client.shake_hands(*session));
}

struct ResumptionRow {
  std::string name;
  int version;
};
class Resumption : public TlsTest, public testing::WithParamInterface<ResumptionRow> {};
TEST_P(Resumption, TicketsAreGoodUntilTheirKeysAreOld) {
  const auto file = certificate("a.pem", {{"mx.test"}});
  const auto store = *TlsIdentityStore::load({.identities = {{{}, file, {}}}}, clock_.now());
  BareClient client{GetParam().version};
  auto first = *TlsSession::accept(store->current(), {});
  ASSERT_FALSE(client.shake_hands(*first));
  EXPECT_FALSE(first->facts().resumed);
  const SessionPointer ticket{client.session()};
  const auto resumes = [&] {
    auto next = *TlsSession::accept(store->current(), {});
    EXPECT_FALSE(client.shake_hands(*next, ticket.get()));
    return next->facts().resumed;
  };
  EXPECT_TRUE(resumes());
  certificate("a.pem", {{"mx.test"}, KeyKind::rsa});
  EXPECT_TRUE(*store->refresh(clock_.now())) << "the file has changed";
  EXPECT_TRUE(resumes()) << "but tickets are still good";
  EXPECT_FALSE(*store->refresh(clock_.now()));
  EXPECT_TRUE(*store->refresh(clock_.now() + 25h));
  EXPECT_FALSE(resumes()) << "their keys are old";
}
INSTANTIATE_TEST_SUITE_P(All, Resumption,
                         testing::Values(ResumptionRow{"tls12", TLS1_2_VERSION},
                                         ResumptionRow{"tls13", TLS1_3_VERSION}),
                         [](const auto& row) { return row.param.name; });

TEST_F(TlsTest, ChannelBindingOfTls12IsTheFirstFinishedMessage) {
  const auto store = identities({{{}, certificate("a.pem", {{"mx.test"}}), {}}});
  BareClient client{TLS1_2_VERSION};
  auto session = *TlsSession::accept(store->current(), {});
  ASSERT_FALSE(client.shake_hands(*session));
  ::SSL_do_handshake(client.ssl());
  std::array<char, 64> finished{};
  const auto size = ::SSL_get_finished(client.ssl(), finished.data(), finished.size());
  EXPECT_EQ(session->facts().unique_binding, std::string(finished.data(), size));
  EXPECT_EQ(session->facts().exporter_binding, "");
}

TEST_F(TlsTest, AnotherApplicationProtocolIsRefused) {
  const auto store = identities({{{}, certificate("a.pem", {{"mx.test"}}), {}}});
  const auto offer = [&](std::string_view wire, std::vector<std::string> ours) -> std::string {
    BareClient client{TLS1_3_VERSION};
    ::SSL_CTX_set_alpn_protos(client.context(),
                              static_cast<const unsigned char*>(static_cast<const void*>(wire.data())),
                              static_cast<unsigned>(wire.size()));
    auto session = *TlsSession::accept(store->current(), ours);
    if (const auto error = client.shake_hands(*session)) return "refused: " + error->text;
    return session->facts().application_protocol;
  };
  EXPECT_EQ(offer("\4smtp", {"smtp"}), "smtp");
  EXPECT_EQ(offer("\x8http/1.1\4smtp", {"smtp"}), "smtp");
  EXPECT_TRUE(offer("\x8http/1.1", {"smtp"}).starts_with("refused: "));
  EXPECT_EQ(offer("", {"smtp"}), "");
  EXPECT_EQ(offer("\x8http/1.1", {}), "");
}

TEST_F(TlsTest, RenegotiationIsRefused) {
  const auto store = identities({{{}, certificate("a.pem", {{"mx.test"}}), {}}});
  BareClient client{TLS1_2_VERSION};
  auto session = *TlsSession::accept(store->current(), {});
  ASSERT_FALSE(client.shake_hands(*session));
  ::SSL_do_handshake(client.ssl());
  ::SSL_renegotiate(client.ssl());
  ::SSL_do_handshake(client.ssl());
  std::array<char, 1'000> plain{};
  static_cast<void>(session->open(drain(::SSL_get_wbio(client.ssl())), plain));
  const auto answer = session->take_output();
  ::BIO_write(::SSL_get_rbio(client.ssl()), answer.data(), static_cast<int>(answer.size()));
  EXPECT_NE(::SSL_do_handshake(client.ssl()), 1);
}

TEST_F(TlsTest, NamesAreVerifiedAgainstTheSystemsStore) {
  const auto file = certificate("root.pem", {{"mx.test", "also.test"}});
  use_roots(file);
  const TlsServerPolicy server{identities({{{}, file, {}}}), {}};
  const auto verify = [&](std::vector<std::string> names) {
    return shake_hands(server, {.verify = Verify::names, .server_name = "mx.test", .names = std::move(names)});
  };
  const auto good = verify({"none.test", "also.test"});
  const auto other_name = verify({"other.test"});
  const auto without = verify({});
  ASSERT_TRUE(good.client) << good.client.error().text;
  EXPECT_TRUE(good.client->peer_verified);
  EXPECT_EQ(good.client->verify_error, "");
  ASSERT_FALSE(other_name.client);
  EXPECT_EQ(other_name.client.error().kind, Error::Kind::tls);
  EXPECT_NE(other_name.client.error().text.find("ostname mismatch"), std::string::npos)
      << other_name.client.error().text;
  EXPECT_FALSE(other_name.server) << "the server is told";
  EXPECT_EQ(without.client.error().kind, Error::Kind::invalid);
}

TEST_F(TlsTest, AStrangersOrExpiredCertificateIsRefusedWhereItMatters) {
  const auto strange = serving({{"mx.test"}});
  EXPECT_FALSE(shake_hands(strange, {.verify = Verify::names, .server_name = "mx.test", .names = {"mx.test"}}).client);
  EXPECT_TRUE(shake_hands(strange, {.verify = Verify::nothing, .server_name = "mx.test", .names = {"mx.test"}}).client);
  const auto expired = serving({{"mx.test"}, KeyKind::ecdsa, -1'000});
  const auto outcome = shake_hands(expired, {.server_name = "mx.test"});
  ASSERT_TRUE(outcome.client) << "opportunistic TLS takes any certificate";
  EXPECT_FALSE(outcome.client->peer_verified);
}

TEST_F(TlsTest, FingerprintsPinACertificate) {
  const auto pem = make_pem({{"mx.test"}});
  const TlsServerPolicy server{identities({{{}, write("pinned.pem", pem), {}}}), {}};
  const auto right = fingerprint_of(first_certificate(pem).get());
  const std::string wrong(32, 'x');
  const auto good = shake_hands(server, {.verify = Verify::fingerprint, .fingerprints = {wrong, right}});
  ASSERT_TRUE(good.client) << good.client.error().text;
  EXPECT_TRUE(good.client->peer_verified);
  EXPECT_EQ(good.client->peer_fingerprint, right);
  EXPECT_EQ(shake_hands(server, {.verify = Verify::fingerprint, .fingerprints = {wrong}}).client.error().kind,
            Error::Kind::tls);
}

TEST_F(TlsTest, DaneTakesTheRecordsWordForTheCertificate) {
  const auto pem = make_pem({{"mx.test"}, KeyKind::ecdsa, -1'000});
  const TlsServerPolicy server{identities({{{}, write("dane.pem", pem), {}}}), {}};
  const auto certificate = first_certificate(pem);
  const world::TlsaRecord right{3, 1, 1, sha256(public_key_of(certificate.get()))};
  const world::TlsaRecord wrong{3, 1, 1, std::string(32, 'x')};
  const auto with = [&](std::vector<world::TlsaRecord> records, const std::string& name = "mx.test") {
    return shake_hands(server,
                       {.verify = Verify::dane, .server_name = name, .names = {name}, .tlsa = std::move(records)});
  };
  const auto good = with({wrong, right});
  ASSERT_TRUE(good.client) << good.client.error().text;
  EXPECT_TRUE(good.client->peer_verified) << "neither name nor date matter: RFC 7672 §3.1.1";
  EXPECT_TRUE(with({right}, "other.test").client);
  EXPECT_EQ(with({wrong}).client.error().kind, Error::Kind::tls);
  const auto unusable = with({{1, 0, 1, std::string(32, 'x')}, {3, 1, 77, "x"}, {3, 1, 1, "short"}});
  ASSERT_TRUE(unusable.client) << unusable.client.error().text;
  EXPECT_FALSE(unusable.client->peer_verified) << "RFC 7672 §2.2: encrypted, not authenticated";
}

TEST_F(TlsTest, AClientCertificateIsShown) {
  const auto file = certificate("client.pem", {{"client.test"}});
  const auto server = serving({{"mx.test"}});
  EXPECT_TRUE(shake_hands(server, {.certificate_file = file}).client);
  const auto none = shake_hands(server, {.certificate_file = folder_ + "/none"});
  ASSERT_FALSE(none.client);
  EXPECT_NE(none.client.error().text.find("/none"), std::string::npos);
}

TEST_F(TlsTest, AnEndWithoutGoodbyeIsNotTakenForTheEnd) {
  auto pair = connect_pair();
  const auto task = [](Pair ends, TlsServerPolicy policy,
                       MonotonicTime until) -> Task<std::pair<std::string, Error::Kind>> {
    world::TaskGroup group;
    Result<TlsFacts> facts = failure(Error::Kind::other, "not tried");
    group.start([](Stream& stream, TlsServerPolicy with, MonotonicTime end, Result<TlsFacts>& out) -> Task<> {
      out = co_await stream.start_tls(std::move(with), end);
      EXPECT_TRUE(co_await stream.write("half of it", end));
      ::shutdown(dynamic_cast<SocketStream&>(stream).descriptor(), SHUT_WR);
    }(*ends.server, std::move(policy), until, facts));
    EXPECT_TRUE(co_await ends.client->start_tls(TlsClientPolicy{}, until));
    std::string seen{*co_await ends.client->read(until)};
    const auto end = co_await ends.client->read(until);
    co_return std::pair{seen, end ? Error::Kind::other : end.error().kind};
  };
  const auto [seen, error] = run_to_end(*loop_, task(std::move(pair), serving({{"mx.test"}}), soon()));
  EXPECT_EQ(seen, "half of it");
  EXPECT_EQ(error, Error::Kind::reset);
}

TEST_F(TlsTest, RubbishInsteadOfAHandshakeIsAnError) {
  auto pair = connect_pair();
  const auto task = [](Pair ends, TlsServerPolicy policy, MonotonicTime until) -> Task<Error> {
    EXPECT_TRUE(co_await ends.client->write("EHLO client.test\r\nMAIL FROM:<a@b.test>\r\n", until));
    const auto facts = co_await ends.server->start_tls(std::move(policy), until);
    co_return facts ? Error{} : facts.error();
  };
  EXPECT_EQ(run_to_end(*loop_, task(std::move(pair), serving({{"mx.test"}}), soon())).kind, Error::Kind::tls);
}

TEST_F(TlsTest, AHandshakeThatStopsInTheMiddleEndsByItsDeadline) {
  auto pair = connect_pair();
  const auto task = [](Stream& server, TlsServerPolicy policy, MonotonicTime until) -> Task<Error> {
    const auto facts = co_await server.start_tls(std::move(policy), until);
    co_return facts ? Error{} : facts.error();
  };
  const auto error = run_to_end(*loop_, task(*pair.server, serving({{"mx.test"}}), clock_.now() + 5ms));
  EXPECT_EQ(error.kind, Error::Kind::timed_out);
  auto other = connect_pair();
  other.client.reset();
  EXPECT_EQ(run_to_end(*loop_, task(*other.server, serving({{"mx.test"}}), soon())).kind, Error::Kind::reset);
}

TEST_F(TlsTest, MuchDataGoesBothWaysAtOnce) {
  auto pair = connect_pair();
  std::string much(std::size_t{3} << 20, '\0');
  for (std::size_t i = 0; i < much.size(); ++i) much[i] = static_cast<char>(i * 7 >> 2);
  const auto exchange = [](Stream& stream, const std::string& bytes, MonotonicTime until,
                           std::string& heard) -> Task<> {
    world::TaskGroup writing;
    writing.start([](Stream& to, const std::string& text, MonotonicTime end) -> Task<> {
      EXPECT_TRUE(co_await to.write(text, end));
      to.end_writing();
    }(stream, bytes, until));
    for (;;) {
      const auto got = co_await stream.read(until);
      EXPECT_TRUE(got) << got.error().text;
      if (!got || got->empty()) break;
      heard += *got;
    }
    while (!writing.empty()) co_await world::move_to(dynamic_cast<SocketStream&>(stream).loop());
  };
  const auto task = [](Pair ends, TlsServerPolicy policy, const std::string& bytes, MonotonicTime until,
                       auto both) -> Task<bool> {
    std::string server_heard;
    std::string client_heard;
    world::TaskGroup group;
    group.start([](Stream& stream, TlsServerPolicy with, const std::string& text, MonotonicTime end, std::string& heard,
                   auto run) -> Task<> {
      EXPECT_TRUE(co_await stream.start_tls(std::move(with), end));
      co_await run(stream, text, end, heard);
    }(*ends.server, std::move(policy), bytes, until, server_heard, both));
    EXPECT_TRUE(co_await ends.client->start_tls(TlsClientPolicy{}, until));
    co_await both(*ends.client, bytes, until, client_heard);
    while (!group.empty()) co_await world::move_to(dynamic_cast<SocketStream&>(*ends.client).loop());
    co_return server_heard == bytes&& client_heard == bytes;
  };
  EXPECT_TRUE(run_to_end(*loop_, task(std::move(pair), serving({{"mx.test"}}), much, soon(), exchange)));
}

TEST_F(TlsTest, LoadingNamesTheFileAndTheReason) {
  const auto good = certificate("good.pem", {{"mx.test"}});
  const auto other = certificate("other.pem", {{"mx.test"}});
  const auto empty = write("empty.pem", "nothing here\n");
  const auto damaged = write("damaged.pem", make_pem({{"mx.test"}}).replace(100, 8, "########"));
  struct Row {
    TlsIdentityFiles files;
    Error::Kind kind;
    std::string text;
  };
  for (const auto& [files, kind, text] :
       std::vector<Row>{{{{}, folder_ + "/none.pem", {}}, Error::Kind::not_found, "/none.pem"},
                        {{{}, good, folder_ + "/none.key"}, Error::Kind::not_found, "/none.key"},
                        {{{}, empty, {}}, Error::Kind::tls, "there is no certificate in " + empty},
                        {{{}, good, empty}, Error::Kind::tls, "there is no private key in " + empty},
                        {{{}, damaged, {}}, Error::Kind::tls, damaged},
                        {{{}, good, other},
                         Error::Kind::tls,
                         "the key in " + other + " does not belong to the certificate in " + good}}) {
    const auto loaded = TlsIdentityStore::load({.identities = {files}}, clock_.now());
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().kind, kind) << loaded.error().text;
    EXPECT_NE(loaded.error().text.find(text), std::string::npos) << loaded.error().text;
  }
  EXPECT_EQ(TlsIdentityStore::load({}, clock_.now()).error().kind, Error::Kind::invalid);
  EXPECT_EQ(TlsIdentityStore::load({.identities = {{{"x"}, good, {}}, {{"x"}, other, {}}}}, clock_.now()).error().kind,
            Error::Kind::invalid)
      << "two of a kind for one name";
}

TEST_F(TlsTest, ARefreshThatFailsKeepsWhatWasThere) {
  const auto file = certificate("a.pem", {{"mx.test"}});
  const auto store = identities({{{}, file, {}}});
  write("a.pem", "half");
  EXPECT_FALSE(store->refresh(clock_.now()));
  EXPECT_TRUE(shake_hands({store, {}}, {}).client);
  fs::remove(file);
  EXPECT_EQ(store->refresh(clock_.now()).error().kind, Error::Kind::not_found);
  certificate("a.pem", {{"new.test"}});
  EXPECT_TRUE(*store->refresh(clock_.now()));
  EXPECT_EQ(shake_hands({store, {}}, {}).client->peer_subject, "CN=new.test");
}

TEST_F(TlsTest, ASelfMadeCertificateIsMadeOnceAndForItsName) {
  const auto file = folder_ + "/self.pem";
  EXPECT_TRUE(*ensure_certificate(file, "mx.example.org", clock_.wall()));
  struct stat facts{};
  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0600U);
  EXPECT_FALSE(*ensure_certificate(file, "MX.example.org", clock_.wall())) << "it is kept";
  const auto store = identities({{{}, file, {}}});
  EXPECT_GT(store->first_expiry(), 1'700'000'000 + 9 * 365 * 86'400);
  const auto outcome = shake_hands({store, {}}, {.server_name = "mx.example.org"});
  EXPECT_EQ(outcome.client->peer_subject, "CN=mx.example.org");
  EXPECT_TRUE(*ensure_certificate(file, "other.example.org", clock_.wall())) << "another name, another certificate";
  EXPECT_TRUE(*ensure_certificate(file, "other.example.org", clock_.wall() + std::chrono::days{3'640})) << "too old";
  write("self.pem", "precious text of somebody's");
  EXPECT_EQ(ensure_certificate(file, "mx.example.org", clock_.wall()).error().kind, Error::Kind::tls)
      << "not overwritten";
  EXPECT_EQ(ensure_certificate(folder_ + "/none/self.pem", "mx.test", clock_.wall()).error().kind,
            Error::Kind::not_found);
}

}  // namespace
}  // namespace posthorn::system
