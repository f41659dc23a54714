// TLS over real sockets on loopback: identities and SNI, versions and suites, resumption, data both ways, and what must be refused.
#include "system/tls_session.hpp"

#include "support/tls_rig.hpp"

#include <openssl/rsa.h>
#include <sys/socket.h>

#include <array>
#include <optional>

namespace posthorn::system {
namespace {

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

}  // namespace
}  // namespace posthorn::system
