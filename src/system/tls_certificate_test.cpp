// Certificates: verified in each way, loaded, read again, made by the server itself.
#include "system/tls_certificate.hpp"

#include "support/tls_rig.hpp"
#include "system/tls_pem.hpp"

#include <openssl/sha.h>
#include <sys/stat.h>

#include <array>

namespace posthorn::system {
namespace {

using Verify = TlsClientPolicy::Verify;

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
  std::filesystem::remove(file);
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
