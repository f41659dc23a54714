// Mail comes in and lands in a mailbox, in the simulated world.
#include "simulated_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::scenarios {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

struct Reception : testing::Test {
  sim::Disk disk;
  SimulatedServer server{disk, {}};

  void SetUp() override { ASSERT_TRUE(server.start()) << server.log().text(); }
  void TearDown() override {
    if (HasFailure()) std::cerr << server.log().text();
  }
};

TEST_F(Reception, AMailForALocalUserLandsInTheMailbox) {
  const auto heard = server.talk(
      SimulatedServer::mx, session_text("stranger@example.net", "alice@example.org", "Subject: hello\r\n\r\nGood day"));
  EXPECT_THAT(heard, HasSubstr("250 2.0.0 accepted as "));
  EXPECT_THAT(heard, HasSubstr("221 2.0.0"));
  server.loop().run_for(5s);
  const auto mails = server.mails("alice");
  ASSERT_EQ(mails.size(), 1U);
  const auto text = disk.contents(mails.front()).value_or("");
  EXPECT_THAT(text, HasSubstr("Return-Path: <stranger@example.net>\n"));
  EXPECT_THAT(text, HasSubstr("Delivered-To: alice@example.org\n"));
  EXPECT_THAT(text, HasSubstr("Received: from client.example"));
  EXPECT_TRUE(text.ends_with("Subject: hello\n\nGood day\n")) << text;
}

TEST_F(Reception, StrangersDoNotRelay) {
  const auto heard = server.talk(SimulatedServer::mx, session_text("stranger@example.net", "someone@example.com", "x"));
  EXPECT_THAT(heard, HasSubstr("550 5.7.1"));
  EXPECT_THAT(heard, Not(HasSubstr("354")));
}

TEST_F(Reception, WhoIsTrustedRelaysAndTheMailWaits) {
  server.resolver().set("example.com", world::DnsType::mx, {.status = world::DnsAnswer::Status::failed});
  const auto heard = server.talk(SimulatedServer::relay, session_text("alice@example.org", "someone@example.com", "x"));
  EXPECT_THAT(heard, HasSubstr("250 2.0.0 accepted as "));
  server.loop().run_for(1h);
  EXPECT_EQ(server.server().spool().facts().messages, 1U);
}

TEST_F(Reception, WhatIsNoCommandIsLoggedByItsLengthOnly) {
  server.talk(SimulatedServer::mx, "EHLO client.example\r\nopen sesame\r\nNOOP\r\nQUIT\r\n");
  const auto log = server.log().text();
  EXPECT_THAT(log, HasSubstr("command.malformed"));
  EXPECT_THAT(log, HasSubstr("length=11"));
  EXPECT_THAT(log, Not(HasSubstr("sesame")));
  EXPECT_EQ(log.find("command.malformed"), log.rfind("command.malformed")) << log;
}

TEST_F(Reception, AnUnknownUserIsRefused) {
  const auto heard = server.talk(SimulatedServer::mx, session_text("stranger@example.net", "nobody@example.org", "x"));
  EXPECT_THAT(heard, HasSubstr("550 5.1.1"));
}

TEST_F(Reception, ABareLineFeedIsRefusedAndNothingIsStored) {
  const auto heard = server.talk(SimulatedServer::mx, session_text("a@example.net", "alice@example.org", "one\ntwo"));
  EXPECT_THAT(heard, Not(HasSubstr("accepted as")));
  server.loop().run_for(5s);
  EXPECT_TRUE(server.mails("alice").empty());
}

TEST_F(Reception, ASilentClientIsEndedWith421) {
  const auto heard = server.talk(SimulatedServer::mx, "EHLO client.example\r\n", 10min);
  EXPECT_THAT(heard, HasSubstr("421 4.4.2"));
}

TEST_F(Reception, AStopTells421AndEndsInTime) {
  const auto began = server.loop().now();
  std::string heard;
  world::TaskGroup client;
  server.stop();
  EXPECT_LE(server.loop().now() - began, 10s);
  EXPECT_THAT(server.talk(SimulatedServer::mx, "EHLO x\r\n"), HasSubstr("no connection"));
}

TEST_F(Reception, AMessageOfAMegabyteFlowsThroughABodyFile) {
  std::string body = "Subject: large\r\n\r\n";
  while (body.size() < (1 << 20)) body += "All work and no play makes Jack a dull boy.\r\n";
  const auto heard = server.talk(SimulatedServer::mx, session_text("a@example.net", "bob@example.org", body), 30s);
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  server.loop().run_for(5s);
  ASSERT_EQ(server.mails("bob").size(), 1U);
  EXPECT_GT(disk.contents(server.mails("bob").front())->size(), std::size_t{1} << 20 << 0 >> 1);
}

// Each start has the process id and the clock of the one before: what is named alike would count as delivered already.
TEST(DeliveryNames, AreNotGivenAgainByALaterStart) {
  sim::Disk disk;
  for (const auto* subject : {"first", "second"}) {
    SimulatedServer server{disk, {}};
    ASSERT_TRUE(server.start()) << server.log().text();
    const auto heard = server.talk(SimulatedServer::mx, session_text("a@example.net", "alice@example.org",
                                                                     "Subject: " + std::string(subject) + "\r\n\r\nx"));
    EXPECT_THAT(heard, HasSubstr("accepted as"));
    server.loop().run_for(5s);
    EXPECT_EQ(server.mails("alice").size(), subject == std::string_view{"first"} ? 1U : 2U);
  }
}

}  // namespace
}  // namespace posthorn::scenarios
