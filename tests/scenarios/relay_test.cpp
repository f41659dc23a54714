// Mail goes out, in the simulated world.
#include "receiving_server.hpp"
#include "simulated_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

namespace posthorn::scenarios {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

struct Relay : testing::Test {
  sim::Disk disk;
  SimulatedServer server{disk, {.look_interval = 1min}};
  ReceivingServer first{server.loop(), server.network(), {address("198.51.100.1"), 25}};
  ReceivingServer second{server.loop(), server.network(), {address("198.51.100.2"), 25}};

  void SetUp() override {
    auto& dns = server.resolver();
    dns.add("example.com", world::DnsType::mx, world::MxRecord{10, "mx1.example.com"});
    dns.add("example.com", world::DnsType::mx, world::MxRecord{20, "mx2.example.com"});
    dns.add("mx1.example.com", world::DnsType::a, address("198.51.100.1"));
    dns.add("mx2.example.com", world::DnsType::a, address("198.51.100.2"));
    ASSERT_TRUE(server.start()) << server.log().text();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << server.log().text();
  }
  void send(std::string_view to, std::string_view text = "Subject: hello\r\n\r\nGood day") {
    EXPECT_THAT(server.talk(SimulatedServer::relay, session_text("alice@example.org", to, text)),
                HasSubstr("accepted as"));
  }
  std::uint64_t waiting() { return server.server().spool().facts().messages; }
};

TEST_F(Relay, GoesToThePreferredHostAndToNoOther) {
  send("bob@example.com", "Subject: hello\r\n\r\n.a dot\r\nGood day");
  server.loop().run_for(10s);
  ASSERT_EQ(first.letters().size(), 1U);
  EXPECT_THAT(first.letters()[0].sender, StartsWith("MAIL FROM:<alice@example.org>"));
  EXPECT_THAT(first.letters()[0].recipients, ElementsAre("<bob@example.com>"));
  EXPECT_THAT(first.letters()[0].text, HasSubstr("Subject: hello\r\n\r\na dot\r\nGood day\r\n"));
  EXPECT_EQ(second.sessions(), 0U);
  EXPECT_EQ(waiting(), 0U) << "a delivered message leaves the spool";
}

TEST_F(Relay, ATemporaryRefusalGoesToTheNextHost) {
  first.answer("MAIL", "450 4.2.0 not now");
  send("bob@example.com");
  server.loop().run_for(10s);
  EXPECT_EQ(second.letters().size(), 1U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Relay, ADeadHostIsPassedOver) {
  first.answer("220", "554 no mail here");
  send("bob@example.com");
  server.loop().run_for(10s);
  EXPECT_EQ(first.letters().size(), 0U);
}

TEST_F(Relay, APermanentRefusalTriesNoOtherHost) {
  first.answer("RCPT", "550 5.1.1 nobody here");
  send("bob@example.com");
  server.loop().run_for(10s);
  EXPECT_EQ(second.sessions(), 0U);
  EXPECT_EQ(server.log().count("recipient.failed"), 1U);
}

TEST_F(Relay, WhatIsRefusedForNowIsTriedAgainByTheSchedule) {
  first.answer("RCPT", "450 4.2.0 Greylisted");
  second.answer("RCPT", "450 4.2.0 Greylisted");
  send("bob@example.com");
  server.loop().run_for(4min);
  EXPECT_EQ(waiting(), 1U);
  const auto sessions = first.sessions();
  first.forget_answers();
  server.loop().run_for(5min);
  EXPECT_EQ(first.sessions(), sessions + 1) << "nothing is tried before its time";
  EXPECT_EQ(first.letters().size(), 1U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Relay, AConnectionLostAfterTheFinalDotIsCountedAndTriedAgainLater) {
  first.cut_after_dot(true);
  send("bob@example.com");
  server.loop().run_for(10s);
  EXPECT_EQ(server.remote_delivery().facts().ambiguous, 1U);
  EXPECT_EQ(second.sessions(), 0U) << "it may have been delivered: no other host";
  first.cut_after_dot(false);
  server.loop().run_for(20min);
  EXPECT_EQ(first.letters().size(), 2U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Relay, RecipientsOfOneDestinationTravelTogether) {
  const auto heard =
      server.talk(SimulatedServer::relay,
                  "EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.com>\r\n"
                  "RCPT TO:<carol@example.com>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  server.loop().run_for(10s);
  ASSERT_EQ(first.letters().size(), 1U);
  EXPECT_THAT(first.letters()[0].recipients, ElementsAre("<bob@example.com>", "<carol@example.com>"));
  EXPECT_EQ(server.mails("bob").size(), 1U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Relay, ADomainThatIsNotThereFailsForGood) {
  send("bob@nowhere.example");
  server.loop().run_for(10s);
  EXPECT_EQ(server.log().count("recipient.failed"), 1U);
}

TEST_F(Relay, AResolverThatFailsLetsTheMailWait) {
  server.resolver().set("flaky.example", world::DnsType::mx, {.status = world::DnsAnswer::Status::failed});
  send("bob@flaky.example");
  server.loop().run_for(1min);
  EXPECT_EQ(waiting(), 1U);
  EXPECT_EQ(server.log().count("recipient.deferred"), 1U);
}

TEST_F(Relay, AConnectionServesTheNextMessageToo) {
  send("bob@example.com");
  server.loop().run_for(500ms);
  send("bob@example.com");
  server.loop().run_for(10s);
  EXPECT_EQ(first.letters().size(), 2U);
  EXPECT_EQ(first.sessions(), 1U);
}

TEST_F(Relay, WhoeverSentItIsToldThatItFailed) {
  first.answer("RCPT TO:<bob", "550 5.1.1 nobody of that name");
  send("bob@example.com", "Subject: the subject\r\n\r\nGood day");
  server.loop().run_for(10s);
  ASSERT_EQ(server.mails("alice").size(), 1U);
  const auto report = disk.contents(server.mails("alice").front()).value_or("");
  EXPECT_THAT(report, HasSubstr("Return-Path: <>"));
  EXPECT_THAT(report, HasSubstr("Content-Type: multipart/report; report-type=delivery-status"));
  EXPECT_THAT(report, HasSubstr("Final-Recipient: rfc822; bob@example.com"));
  EXPECT_THAT(report, HasSubstr("Status: 5.1.1"));
  EXPECT_THAT(report, HasSubstr("550 5.1.1 nobody of that name"));
  EXPECT_THAT(report, HasSubstr("Subject: the subject"));
  EXPECT_EQ(waiting(), 0U);
}

// RFC 3461 §6.3: one report for all that failed in a round, with what the sender called them.
TEST_F(Relay, AReportTellsWhatTheEnvelopeAskedFor) {
  first.answer("RCPT", "550 5.1.1 nobody of that name");
  const auto heard = server.talk(
      SimulatedServer::relay,
      "EHLO c\r\nMAIL FROM:<alice@example.org> RET=HDRS ENVID=order+2B42\r\n"
      "RCPT TO:<bob@example.com> ORCPT=rfc822;robert@example.net\r\nRCPT TO:<carol@example.com> NOTIFY=FAILURE\r\n"
      "RCPT TO:<dave@example.com> NOTIFY=NEVER\r\nDATA\r\nSubject: the subject\r\n\r\nthe words\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  server.loop().run_for(10s);
  ASSERT_EQ(server.mails("alice").size(), 1U);
  const auto report = disk.contents(server.mails("alice").front()).value_or("");
  EXPECT_THAT(report, HasSubstr("Original-Envelope-Id: order+42\n"));
  EXPECT_THAT(report,
              HasSubstr("Original-Recipient: rfc822; robert@example.net\nFinal-Recipient: rfc822; bob@example.com\n"));
  EXPECT_THAT(report, HasSubstr("Final-Recipient: rfc822; carol@example.com\n"));
  EXPECT_THAT(report, Not(HasSubstr("dave")));
  EXPECT_THAT(report, HasSubstr("Subject: the subject\n"));
  EXPECT_THAT(report, Not(HasSubstr("the words")));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Relay, NoReportAnswersAReport) {
  first.answer("RCPT", "550 5.1.1 nobody of that name");
  const auto heard = server.talk(SimulatedServer::relay, session_text("", "bob@example.com", "x"));
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  server.loop().run_for(10s);
  EXPECT_EQ(server.mails("alice").size() + server.mails("bob").size(), 1U) << "the postmaster alone hears of it";
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Relay, ALongWaitIsToldOnceAndTheEndOnce) {
  server.resolver().set("flaky.example", world::DnsType::mx, {.status = world::DnsAnswer::Status::failed});
  send("bob@flaky.example");
  server.loop().run_for(24h);
  ASSERT_EQ(server.mails("alice").size(), 1U) << "a warning after four hours";
  const auto warning = disk.contents(server.mails("alice").front()).value_or("");
  EXPECT_THAT(warning, HasSubstr("Action: delayed\n"));
  EXPECT_THAT(warning, HasSubstr("Will-Retry-Until: "));
  server.loop().run_for(24h * 5);
  EXPECT_EQ(server.mails("alice").size(), 2U) << "the report that its time is over";
  EXPECT_EQ(waiting(), 0U);
}

// RFC 3464 §2.3: the last attempt, not the report.
TEST_F(Relay, AnEndTellsWhenItWasTriedLastAndThatItMayHaveArrived) {
  first.cut_after_dot(true);
  send("bob@example.com");
  server.loop().run_for(10s);
  first.cut_after_dot(false);
  for (auto* host : {&first, &second}) host->answer("RCPT", "450 4.2.0 not now");
  server.loop().run_for(24h * 6);
  ASSERT_EQ(server.mails("alice").size(), 2U) << "the delay and the end";
  std::string report;
  for (const auto& path : server.mails("alice")) {
    const auto text = disk.contents(path).value_or("");
    if (text.find("Action: failed") != std::string::npos) report = text;
  }
  EXPECT_THAT(report, HasSubstr("Status: 5.4.7\n"));
  EXPECT_THAT(report, HasSubstr("have arrived"));
  const auto value_of = [&](const std::string& field) {
    const auto at = report.find("\n" + field + ": ");
    return at == std::string::npos ? "" : report.substr(at + field.size() + 3, report.find('\n', at + 1) - at);
  };
  EXPECT_NE(value_of("Last-Attempt-Date"), "");
  EXPECT_NE(value_of("Date"), "");
  EXPECT_NE(value_of("Last-Attempt-Date").substr(0, 31), value_of("Date").substr(0, 31));
}

}  // namespace
}  // namespace posthorn::scenarios
