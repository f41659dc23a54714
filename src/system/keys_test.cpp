// The keys process from both sides, without the process: keys that OpenSSL uses here and that sign elsewhere, what is
// refused, and what happens when the other side goes away or sends nonsense.
#include "system/keys_client.hpp"
#include "system/keys_service.hpp"
#include "system/memory_file.hpp"
#include "system/remote_key.hpp"
#include "system/tls_material.hpp"
#include "system/tls_pem.hpp"
#include "system/tls_session.hpp"

#include <gtest/gtest.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>

#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <thread>

namespace posthorn::system {
namespace {

using namespace std::chrono_literals;
using DigestContextPointer = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;

KeyPointer make_key(const std::string& kind) {
  if (kind == "RSA") return KeyPointer{::EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})};
  if (kind == "EC") return KeyPointer{::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")};
  return KeyPointer{::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
}

/// Certificate and key in PEM.
std::string make_pem(const std::string& kind, const std::string& name) {
  const auto key = make_key(kind);
  const CertificatePointer certificate{::X509_new()};
  auto* const raw = certificate.get();
  ::X509_set_version(raw, X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(raw), 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(raw), -1'000);
  ::X509_gmtime_adj(::X509_getm_notAfter(raw), 1'000'000);
  ::X509_set_pubkey(raw, key.get());
  auto* const subject = ::X509_get_subject_name(raw);
  const auto* const text = static_cast<const unsigned char*>(static_cast<const void*>(name.c_str()));
  ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0);
  ::X509_set_issuer_name(raw, subject);
  ::X509_sign(raw, key.get(), kind == "ED25519" ? nullptr : ::EVP_sha256());
  const auto pem = bio_to_fill();
  ::PEM_write_bio_X509(pem.get(), raw);
  ::PEM_write_bio_PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return drain(pem.get());
}

constexpr std::uint16_t number(KeysPacket kind) { return static_cast<std::uint16_t>(kind); }

/// The keys process and its parent, in threads.
class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    auto ends = ControlChannel::make_pair();
    parent_.emplace(std::move(ends->first));
    thread_ = std::thread{[this, end = std::move(ends->second)] { service_->serve_parent(end); }};
  }
  ~KeysTest() override {
    parent_.reset();
    thread_.join();
    client_.reset();
    source_.reset();
  }

  void send_identity(const TlsIdentityFiles& files, std::string_view pem) {
    const auto file = make_memory_file("pem", pem);
    const std::array numbers{file->get(), file->get()};
    ASSERT_TRUE(parent_->send(number(KeysPacket::identity), encode(files), numbers));
  }
  LoadedKeys load() {
    EXPECT_TRUE(parent_->send(number(KeysPacket::load), {}));
    const auto answer = parent_->receive(10s);
    EXPECT_TRUE(answer) << answer.error().text;
    return answer ? *decode_loaded_keys(answer->payload) : LoadedKeys{.fault = "no answer"};
  }
  ControlChannel open_channel() {
    auto ends = ControlChannel::make_pair();
    const int theirs = ends->first.descriptor();
    EXPECT_TRUE(parent_->send(number(KeysPacket::channel), {}, {&theirs, 1}));
    return std::move(ends->second);
  }
  void serve(const std::string& kind) {
    send_identity({.names = {}, .certificate = kind + ".pem", .key = {}}, make_pem(kind, "mx.example.org"));
    EXPECT_EQ(load().fault, "");
    client_->add_channel(open_channel());
  }
  Result<std::string> sign(const SignRequest& request) { return client_->sign(request); }

  std::unique_ptr<KeysService> service_ = std::make_unique<KeysService>();
  std::optional<ControlChannel> parent_;
  std::thread thread_;
  std::shared_ptr<KeysClient> client_ = std::make_shared<KeysClient>(500ms);
  std::unique_ptr<KeysMaterialSource> source_ = std::make_unique<KeysMaterialSource>(client_);
};

struct Handshake {
  std::string kind;
  int version;
  const char* name;
};

/// What the client found in the end, or why there was no handshake.
std::string shake_hands(SSL_CTX* server_context, int version) {
  const SslContextPointer client_context{::SSL_CTX_new(::TLS_client_method())};
  SSL_CTX_set_max_proto_version(client_context.get(), version);
  SslPointer server{::SSL_new(server_context)};
  SslPointer client{::SSL_new(client_context.get())};
  BIO* server_end = nullptr;
  BIO* client_end = nullptr;
  ::BIO_new_bio_pair(&server_end, 0, &client_end, 0);
  ::SSL_set_bio(server.get(), server_end, server_end);
  ::SSL_set_bio(client.get(), client_end, client_end);
  ::SSL_set_accept_state(server.get());
  ::SSL_set_connect_state(client.get());
  for (int turn = 0; turn < 10; ++turn) {
    const int client_done = ::SSL_do_handshake(client.get());
    const int server_done = ::SSL_do_handshake(server.get());
    if (client_done == 1 && server_done == 1) return ::SSL_get_version(client.get());
    const auto failed = [](const SSL* ssl, int done) {
      return done != 1 && ::SSL_get_error(ssl, done) != SSL_ERROR_WANT_READ;
    };
    if (failed(client.get(), client_done) || failed(server.get(), server_done)) return tls_error("handshake").text;
  }
  return "no end";
}

class KeysHandshakeTest : public KeysTest, public testing::WithParamInterface<Handshake> {};

TEST_P(KeysHandshakeTest, TheEngineHasNoKeyAndShakesHandsAllTheSame) {
  serve(GetParam().kind);
  const auto materials = source_->read();
  ASSERT_TRUE(materials) << materials.error().text;
  const auto contexts = TlsServerContexts::make(*materials, {});
  ASSERT_TRUE(contexts) << contexts.error().text;
  EXPECT_EQ(shake_hands((*contexts)->standard(), GetParam().version), GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, KeysHandshakeTest,
    testing::Values(Handshake{"EC", TLS1_3_VERSION, "TLSv1.3"}, Handshake{"EC", TLS1_2_VERSION, "TLSv1.2"},
                    Handshake{"RSA", TLS1_3_VERSION, "TLSv1.3"}, Handshake{"RSA", TLS1_2_VERSION, "TLSv1.2"},
                    Handshake{"ED25519", TLS1_3_VERSION, "TLSv1.3"}, Handshake{"ED25519", TLS1_2_VERSION, "TLSv1.2"}),
    [](const auto& row) { return row.param.kind + (row.param.version == TLS1_3_VERSION ? "13" : "12"); });

TEST_F(KeysTest, ThePrivateHalfCannotBeHad) {
  serve("RSA");
  const auto materials = source_->read();
  ASSERT_TRUE(materials);
  auto* const key = materials->front().key.get();
  const auto pem = bio_to_fill();
  EXPECT_NE(::PEM_write_bio_PrivateKey(pem.get(), key, nullptr, nullptr, 0, nullptr, nullptr), 1);
  ::ERR_clear_error();
  BIGNUM* exponent = nullptr;
  EXPECT_NE(::EVP_PKEY_get_bn_param(key, "d", &exponent), 1);
  ::ERR_clear_error();
}

TEST_F(KeysTest, KeysOfOpenSslsOwnAreNotTouched) {
  serve("RSA");
  ASSERT_TRUE(source_->read());
  const auto own = make_key("RSA");
  const DigestContextPointer context{::EVP_MD_CTX_new()};
  ASSERT_EQ(::EVP_DigestSignInit(context.get(), nullptr, ::EVP_sha256(), nullptr, own.get()), 1);
  std::size_t size = 0;
  EXPECT_EQ(::EVP_DigestSign(context.get(), nullptr, &size, nullptr, 0), 1);
  EXPECT_STREQ(::OSSL_PROVIDER_get0_name(::EVP_PKEY_get0_provider(own.get())), "default");
}

TEST_F(KeysTest, OnlyWhatAKeyIsFor) {
  serve("EC");
  const std::string digest(32, 'd');
  const SignRequest good{.key = 1, .scheme = SignScheme::ecdsa, .digest = SignDigest::sha256, .data = digest};
  EXPECT_TRUE(sign(good));
  auto other_purpose = good;
  other_purpose.purpose = KeyPurpose::dkim;
  EXPECT_FALSE(sign(other_purpose));
  auto other_key = good;
  other_key.key = 2;
  EXPECT_FALSE(sign(other_key));
  auto other_scheme = good;
  other_scheme.scheme = SignScheme::rsa_pss;
  EXPECT_FALSE(sign(other_scheme));
  EXPECT_TRUE(sign(good)) << "a refusal is no end";
}

TEST_F(KeysTest, AMalformedOrderEndsItsChannelAndNoOther) {
  serve("EC");
  const auto bad = open_channel();
  ASSERT_TRUE(bad.send(number(KeysPacket::sign), "nonsense"));
  const auto answer = bad.receive(5s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, Error::Kind::ended);
  EXPECT_TRUE(client_->identities());
}

TEST_F(KeysTest, ABrokenChannelIsLeftForAnother) {
  serve("EC");
  {
    auto ends = ControlChannel::make_pair();
    client_->add_channel(std::move(ends->second));  // the one that is asked first, and its other end has gone
  }
  EXPECT_TRUE(client_->identities());
}

TEST_F(KeysTest, AnAnswerThatComesTooLateIsNobodyElses) {
  auto ends = ControlChannel::make_pair();
  client_->add_channel(std::move(ends->first));
  EXPECT_EQ(client_->identities().error().kind, Error::Kind::timed_out);
  const auto question = ends->second.receive(1s);
  ASSERT_TRUE(question);
  std::string_view body{question->payload};
  const auto late = take_number(body);
  ASSERT_TRUE(late);
  ASSERT_TRUE(ends->second.send(number(KeysPacket::fault), with_number(*late, "late")));
  std::thread keys{[&] {
    const auto next = ends->second.receive(5s);
    std::string_view rest{next->payload};
    EXPECT_TRUE(ends->second.send(number(KeysPacket::signature), with_number(*take_number(rest), "signed")));
  }};
  EXPECT_EQ(sign({.key = 1, .scheme = SignScheme::ecdsa, .digest = SignDigest::sha256, .data = std::string(32, 'd')}),
            "signed");
  keys.join();
}

TEST_F(KeysTest, NoKeysProcessIsAnErrorInTime) {
  const auto answer = client_->identities();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, Error::Kind::ended);
}

TEST_F(KeysTest, AFaultOfTheFilesIsToldAndTheOldKeysStay) {
  serve("EC");
  struct Row {
    std::string what;
    std::string pem;
    std::string fault;
  };
  const auto other = make_pem("EC", "other.example.org");
  const auto one = make_pem("EC", "a.example.org");
  const std::string_view mark = "-----BEGIN PRIVATE";
  const auto mixed = one.substr(0, one.find(mark)) + other.substr(other.find(mark));
  for (const auto& row :
       {Row{"nothing in it", "", "there is no certificate in new.pem"},
        Row{"another's key", mixed, "the key in new.pem does not belong to the certificate in new.pem"}}) {
    send_identity({.names = {}, .certificate = "new.pem", .key = {}}, row.pem);
    EXPECT_EQ(load().fault, row.fault) << row.what;
    const auto identities = client_->identities();
    ASSERT_TRUE(identities);
    EXPECT_EQ(identities->front().files.certificate, "EC.pem") << row.what;
  }
  EXPECT_TRUE(
      sign({.key = 1, .scheme = SignScheme::ecdsa, .digest = SignDigest::sha256, .data = std::string(32, 'd')}));
}

TEST_F(KeysTest, ANewReadingIsToldByItsSourceAndTheOldKeySignsOnceMore) {
  serve("EC");
  ASSERT_TRUE(source_->read());
  EXPECT_FALSE(source_->has_changed());
  send_identity({.names = {}, .certificate = "second.pem", .key = {}}, make_pem("RSA", "mx.example.org"));
  EXPECT_EQ(load().fault, "");
  source_->tell_changed();
  EXPECT_TRUE(source_->has_changed());
  const auto materials = source_->read();
  ASSERT_TRUE(materials);
  EXPECT_EQ(materials->front().files.certificate, "second.pem");
  const SignRequest old{
      .key = 1, .scheme = SignScheme::ecdsa, .digest = SignDigest::sha256, .data = std::string(32, 'd')};
  EXPECT_TRUE(sign(old));
  send_identity({.names = {}, .certificate = "third.pem", .key = {}}, make_pem("EC", "mx.example.org"));
  EXPECT_EQ(load().fault, "");
  EXPECT_FALSE(sign(old));
}

TEST(ControlChannel, CarriesPacketsAndDescriptorsAndTellsTheEnd) {
  auto ends = ControlChannel::make_pair();
  const auto file = make_memory_file("text", "within");
  const int given = file->get();
  ASSERT_TRUE(ends->first.send(7, "payload", {&given, 1}));
  const auto packet = ends->second.receive(1s);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->kind, 7);
  EXPECT_EQ(packet->payload, "payload");
  ASSERT_EQ(packet->descriptors.size(), 1U);
  EXPECT_EQ(read_whole(packet->descriptors.front(), "text", 100), "within");
  EXPECT_EQ(ends->second.receive(1ms).error().kind, Error::Kind::timed_out);
  EXPECT_EQ(ends->first.send(7, std::string(ControlLimits::payload + 1, 'x')).error().kind, Error::Kind::invalid);
  static_cast<void>(ends->first.release());
  EXPECT_EQ(ends->second.receive(1s).error().kind, Error::Kind::ended);
}

TEST(ControlChannel, AFileInMemoryCannotBeChanged) {
  const auto file = make_memory_file("text", "within");
  ASSERT_TRUE(file);
  EXPECT_LT(::pwrite(file->get(), "x", 1, 0), 0);
  EXPECT_LT(::ftruncate(file->get(), 0), 0);
}

}  // namespace
}  // namespace posthorn::system
