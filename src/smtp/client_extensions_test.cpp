#include "smtp/client_extensions.hpp"

#include <gtest/gtest.h>

namespace posthorn::smtp {
namespace {

PeerExtensions read(std::vector<std::string> lines) {
  lines.insert(lines.begin(), "mx.example.com PIPELINING SIZE 5");
  return PeerExtensions::read({250, std::move(lines)});
}

TEST(PeerExtensions, TheFirstLineIsAGreeting) {
  EXPECT_FALSE(read({}).pipelining);
  EXPECT_FALSE(read({}).size);
}

TEST(PeerExtensions, KeywordsAreReadInAnyCase) {
  const auto peer = read({"PIPELINING", "8bitmime", "SmtpUtf8", "CHUNKING", "BINARYMIME", "DSN", "ENHANCEDSTATUSCODES",
                          "STARTTLS", "REQUIRETLS", "X-OTHER", ""});
  EXPECT_TRUE(peer.pipelining && peer.eight_bit_mime && peer.smtputf8 && peer.chunking && peer.binary_mime && peer.dsn);
  EXPECT_TRUE(peer.enhanced_status && peer.starttls && peer.require_tls);
}

TEST(PeerExtensions, ALongerWordIsAnotherKeyword) {
  const auto peer = read({"PIPELININGS", "STARTTLS-2", "XDSN", "SIZEX 3"});
  EXPECT_FALSE(peer.pipelining || peer.starttls || peer.dsn || peer.size);
}

TEST(PeerExtensions, SizeIsANumberOrNoLimit) {
  struct Row {
    const char* line;
    std::uint64_t limit;
  };
  for (const auto& [line, limit] : {Row{"SIZE 1000", 1000}, Row{"SIZE", 0}, Row{"SIZE 0", 0}, Row{"SIZE -1", 0},
                                    Row{"SIZE 99999999999999999999999", 0}, Row{"SIZE\t7 8", 7}}) {
    const auto peer = read({line});
    EXPECT_TRUE(peer.size) << line;
    EXPECT_EQ(peer.size_limit, limit) << line;
  }
}

TEST(PeerExtensions, MechanismsAreGatheredOnce) {
  EXPECT_EQ(read({"AUTH PLAIN login", "AUTH=LOGIN CRAM-MD5"}).auth_mechanisms,
            (std::vector<std::string>{"PLAIN", "LOGIN", "CRAM-MD5"}));
  std::string many = "AUTH";
  for (int i = 0; i < 100; ++i) many += " M" + std::to_string(i);
  EXPECT_EQ(read({many}).auth_mechanisms.size(), 32U);
}

TEST(PeerExtensions, LimitsThatMakeNoSenseArePassedOver) {
  const auto peer = read({"LIMITS RCPTMAX=0 MAILMAX=1234567 rcptmax=7 FOO MAILMAX= MAILMAX=x"});
  EXPECT_EQ(peer.recipients_limit, 7U);
  EXPECT_FALSE(peer.transactions_limit);
}

}  // namespace
}  // namespace posthorn::smtp
