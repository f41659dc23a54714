// Which way mail goes: by sets of hosts, hand-over folders, servers that take less than the message needs.
#include "receiving_server.hpp"
#include "simulated_server.hpp"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

namespace posthorn::scenarios {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

struct Routes : testing::Test {
  sim::Disk disk;
  SimulatedServer server{disk, {}};
  ReceivingServer first{server.loop(), server.network(), {address("198.51.100.1"), 25}};
  ReceivingServer second{server.loop(), server.network(), {address("198.51.100.2"), 25}};

  void SetUp() override {
    auto& dns = server.resolver();
    dns.add("mx1.example.com", world::DnsType::a, address("198.51.100.1"));
    dns.add("mx2.example.com", world::DnsType::a, address("198.51.100.2"));
    add_domain("example.com");
    ASSERT_TRUE(server.start()) << server.log().text();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << server.log().text();
  }
  void add_domain(const std::string& name) {
    server.resolver().add(name, world::DnsType::mx, world::MxRecord{10, "mx1.example.com"});
  }
  std::string say(std::string_view words) { return server.talk(SimulatedServer::relay, std::string(words)); }
  void send(std::string_view to, std::string_view text = "Subject: hello\r\n\r\nGood day") {
    EXPECT_THAT(say(session_text("alice@example.org", to, text)), HasSubstr("accepted as"));
  }
  std::string report_to_alice() {
    const auto mails = server.mails("alice");
    return mails.empty() ? std::string{} : disk.contents(mails.front()).value_or("");
  }
  std::uint64_t waiting() { return server.server().spool().facts().messages; }
};

TEST_F(Routes, ASetOfHostsThatHasChangedIsFollowed) {
  first.answer("RCPT", "450 4.3.0 later");
  send("bob@example.com");
  server.loop().run_for(10s);
  EXPECT_EQ(waiting(), 1U);
  server.resolver().set(
      "example.com", world::DnsType::mx,
      {.status = world::DnsAnswer::Status::found, .records = {world::MxRecord{10, "mx2.example.com"}}});
  server.loop().run_for(10min);
  EXPECT_EQ(second.letters().size(), 1U);
  EXPECT_EQ(waiting(), 0U);
}

// DESIGN.md, "Delivery": domains with one provider share connections, limits and what is known of its hosts.
TEST_F(Routes, DomainsWithOneSetOfHostsShareAConnection) {
  add_domain("other.example");
  send("bob@example.com");
  server.loop().run_for(500ms);
  send("carol@other.example");
  server.loop().run_for(10s);
  EXPECT_EQ(first.letters().size(), 2U);
  EXPECT_EQ(first.sessions(), 1U);
}

TEST_F(Routes, DomainsWithOneSetOfHostsShareTheLimitOfConnections) {
  add_domain("other.example");
  first.stall(".");
  for (int count = 0; count < 8; ++count) {
    send("bob@example.com");
    send("carol@other.example");
  }
  server.loop().run_for(20s);
  EXPECT_EQ(first.most_open(), 5U) << "as for one destination nothing is known of";
  first.go_on();
  server.loop().run_for(30s);
  EXPECT_EQ(first.letters().size(), 16U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Routes, DomainsWithOneSetOfDeadHostsAreOneDeadDestination) {
  for (const auto* domain : {"one.example", "two.example", "three.example"}) {
    server.resolver().add(domain, world::DnsType::mx, world::MxRecord{10, "mx.dead.example"});
  }
  server.resolver().add("mx.dead.example", world::DnsType::a, address("198.51.100.99"));
  for (const auto* domain : {"one.example", "two.example", "three.example"}) {
    for (int count = 0; count < 20; ++count) send(fmt::format("bob@{}", domain));
  }
  server.loop().run_for(1min);
  // queue_plan_test: so it is tried by one message at a time.
  const auto known = server.server().queue().remote_plan().find_destination("MX mx.dead.example:25");
  ASSERT_TRUE(known);
  EXPECT_TRUE(known->is_dead);
  EXPECT_EQ(known->waiting, 60U);
  EXPECT_EQ(waiting(), 60U);
  ReceivingServer dead(server.loop(), server.network(), {address("198.51.100.99"), 25});
  server.loop().run_for(20min);
  EXPECT_EQ(dead.letters().size(), 60U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Routes, WhatWaitsForASetOfHostsObeysTheOperator) {
  add_domain("other.example");
  first.stall(".");
  for (int count = 0; count < 12; ++count) send("carol@other.example");
  server.loop().run_for(20s);
  EXPECT_THAT(server.ask("/api/queue/hold", R"({"all":true})"), HasSubstr("200"));
  first.go_on();
  server.loop().run_for(20min);
  EXPECT_EQ(first.letters().size(), 5U) << "those that were under way";
  EXPECT_EQ(waiting(), 7U);
}

TEST_F(Routes, AMessageThatWaitsWhileTheRoutingChangesLosesNobody) {
  first.answer("RCPT", "450 4.3.0 later");
  add_domain("other.example");
  EXPECT_THAT(
      say("EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.com>\r\nRCPT TO:<carol@other.example>\r\n"
          "DATA\r\nx\r\n.\r\nQUIT\r\n"),
      HasSubstr("accepted as"));
  server.loop().run_for(10s);
  const auto smart = rules::NextHop::parse("[198.51.100.2]:25").value();
  server.change_routing({.smarthost = smart});
  server.loop().run_for(10min);
  ASSERT_EQ(second.letters().size(), 1U);
  EXPECT_THAT(second.letters()[0].recipients, ElementsAre("<bob@example.com>", "<carol@other.example>"));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Routes, OneGroupThatBecomesTwoLosesNobody) {
  server.change_routing({.smarthost = rules::NextHop::parse("[198.51.100.2]:25").value()});
  second.answer("RCPT", "450 4.3.0 later");
  add_domain("other.example");
  EXPECT_THAT(
      say("EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.com>\r\nRCPT TO:<carol@other.example>\r\n"
          "DATA\r\nx\r\n.\r\nQUIT\r\n"),
      HasSubstr("accepted as"));
  server.loop().run_for(10s);
  server.change_routing({});
  server.loop().run_for(10min);
  EXPECT_EQ(first.letters().size(), 2U);
  EXPECT_EQ(waiting(), 0U);
}

// Mission E.
TEST_F(Routes, WithHandOverFoldersNothingIsSent) {
  server.change_routing({.hand_over_files = true});
  EXPECT_THAT(
      say("EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.com>\r\nRCPT TO:<carol@example.com>\r\n"
          "RCPT TO:<dave@nowhere.example>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"),
      HasSubstr("accepted as"));
  server.loop().run_for(10s);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(first.sessions(), 0U);
  std::vector<std::string> letters;
  bool has_errors = false;
  for (const auto& path : disk.tree("/mail/.OTHER_SERVERS")) {
    if (path.starts_with("/mail/.OTHER_SERVERS/example.com/error")) has_errors = true;
    if (path.starts_with("/mail/.OTHER_SERVERS/example.com/1")) letters.push_back(path);
  }
  EXPECT_TRUE(has_errors);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_THAT(
      disk.contents(letters[0]).value_or(""),
      StartsWith("Return-Path: <alice@example.org>\nX-Envelope-To: bob@example.com\nX-Envelope-To: carol@example.com\n"
                 "Received: "));
}

TEST_F(Routes, AServerWithout8BitMimeGetsTheMessageInSevenBits) {
  first.offer({"PIPELINING", "SIZE 100000"});
  EXPECT_THAT(
      say("EHLO c\r\nMAIL FROM:<alice@example.org> BODY=8BITMIME\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
          "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
          "Gr\xc3\xbc\xc3\x9f"
          "e\r\n.\r\nQUIT\r\n"),
      HasSubstr("accepted as"));
  server.loop().run_for(10s);
  ASSERT_EQ(first.letters().size(), 1U);
  EXPECT_THAT(first.letters()[0].sender, Not(HasSubstr("BODY")));
  EXPECT_THAT(first.letters()[0].text,
              HasSubstr("Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"));
  EXPECT_THAT(first.letters()[0].sender, HasSubstr(fmt::format("SIZE={}", first.letters()[0].text.size())));
  EXPECT_EQ(first.sessions(), 1U);
}

TEST_F(Routes, EightBitTextThatNobodyDeclaredIsConvertedToo) {
  first.offer({});
  send("bob@example.com", "Subject: x\r\n\r\n\xc3\xbc");
  server.loop().run_for(10s);
  ASSERT_EQ(first.letters().size(), 1U);
  EXPECT_THAT(first.letters()[0].text, HasSubstr("=C3=BC"));
}

TEST_F(Routes, WhatCannotBeConvertedComesBackWithTheReason) {
  first.offer({});
  EXPECT_THAT(
      say("EHLO c\r\nMAIL FROM:<alice@example.org> BODY=8BITMIME\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
          "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xc3\xbc\r\n--b--\r\n"
          ".\r\nQUIT\r\n"),
      HasSubstr("accepted as"));
  server.loop().run_for(10s);
  EXPECT_THAT(report_to_alice(), HasSubstr("Status: 5.6.3"));
  EXPECT_THAT(report_to_alice(), HasSubstr("a signed part may not be changed"));
  EXPECT_EQ(waiting(), 0U);
}

/// A signed part in 8 bits: a server without 8BITMIME cannot be given it.
constexpr std::string_view inconvertible =
    "EHLO c\r\nMAIL FROM:<alice@example.org> BODY=8BITMIME\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
    "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xc3\xbc\r\n--b--\r\n"
    ".\r\nQUIT\r\n";

// What a server takes is known when it has answered EHLO, and not before.
TEST_F(Routes, AServerThatDoesNotComeToEhloIsNotToldToTakeSevenBitsOnly) {
  struct Row {
    std::string command;
    std::string reply;
  };
  for (const auto& [command, reply] : {Row{"220", "421 4.3.2 full"}, Row{"220", "cut"}, Row{"EHLO", "421 4.3.2 full"},
                                       Row{"EHLO", "cut"}, Row{"EHLO", "hang"}}) {
    first.answer(command, reply);
    EXPECT_THAT(say(inconvertible), HasSubstr("accepted as"));
    server.loop().run_for(7min);
    EXPECT_EQ(report_to_alice(), "") << command << reply;
    EXPECT_EQ(waiting(), 1U) << command << reply;
    first.forget_answers();
    server.loop().run_for(30min);
    EXPECT_EQ(waiting(), 0U) << command << reply;
  }
  EXPECT_EQ(first.letters().size(), 5U);
}

TEST_F(Routes, TheNextHostGetsWhatTheFirstWasTooBusyFor) {
  server.resolver().add("example.com", world::DnsType::mx, world::MxRecord{20, "mx2.example.com"});
  first.answer("220", "421 4.3.2 full");
  EXPECT_THAT(say(inconvertible), HasSubstr("accepted as"));
  server.loop().run_for(10s);
  EXPECT_EQ(second.letters().size(), 1U);
}

TEST_F(Routes, ARefusalForGoodCountsForEightBitTextAsForAnyOther) {
  first.answer("220", "554 5.7.1 go away");
  EXPECT_THAT(say(inconvertible), HasSubstr("accepted as"));
  server.loop().run_for(10s);
  EXPECT_THAT(report_to_alice(), HasSubstr("554 5.7.1 go away"));
  EXPECT_EQ(waiting(), 0U);
}

// FAULTS F48: what we found out about one message says nothing of the host.
TEST_F(Routes, MailThatDoesNotSuitAHostHoldsUpNoOther) {
  first.offer({"PIPELINING", "8BITMIME", "SIZE 3000"});
  for (int i = 0; i < 3; ++i) {
    send("bob@example.com",
         fmt::format("Subject: large\r\n\r\n{}", fmt::join(std::vector(100, std::string(70, 'x')), "\r\n")));
    EXPECT_THAT(say("EHLO c\r\nMAIL FROM:<alice@example.org> SMTPUTF8\r\nRCPT TO:<b\xc3\xb6"
                    "b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"),
                HasSubstr("accepted as"));
    server.loop().run_for(1s);
  }
  server.loop().run_for(1min);
  first.offer({"PIPELINING"});
  for (int i = 0; i < 3; ++i) EXPECT_THAT(say(inconvertible), HasSubstr("accepted as"));
  server.loop().run_for(1min);
  EXPECT_EQ(waiting(), 0U) << "each came back at once";
  EXPECT_EQ(server.mails("alice").size(), 9U);
  send("bob@example.com");
  server.loop().run_for(10s);
  EXPECT_EQ(first.letters().size(), 1U) << "and a small one goes through";
}

struct AtStarttls : Routes, testing::WithParamInterface<std::string> {};

// RFC 7435: opportunistic encryption that does not work keeps no mail back.
TEST_P(AtStarttls, AServerThatBreaksOffGetsTheMailInTheClearAndThatIsRemembered) {
  first.offer({"PIPELINING", "8BITMIME", "STARTTLS"});
  first.answer("STARTTLS", GetParam());
  send("bob@example.com");
  server.loop().run_for(8min);
  EXPECT_EQ(first.letters().size(), 1U);
  const auto sessions = first.sessions();
  send("bob@example.com");
  server.loop().run_for(1min);
  EXPECT_EQ(first.letters().size(), 2U);
  EXPECT_EQ(first.sessions(), sessions + 1);
}

INSTANTIATE_TEST_SUITE_P(Routes, AtStarttls,
                         testing::Values("cut", "hang", "250 what", "** what **", "421 4.3.2 later"));

TEST_F(Routes, AServerWithoutSmtpUtf8IsNotGivenWhatNeedsIt) {
  EXPECT_THAT(say("EHLO c\r\nMAIL FROM:<alice@example.org> SMTPUTF8\r\nRCPT TO:<b\xc3\xb6"
                  "b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"),
              HasSubstr("accepted as"));
  server.loop().run_for(10s);
  EXPECT_EQ(first.letters().size(), 0U);
  EXPECT_THAT(report_to_alice(), HasSubstr("Status: 5.6.7"));
}

// RFC 3461 §6.3, RFC 2033 §4.2.
TEST_F(Routes, WhatLmtpHasTakenIsDeliveredNotRelayed) {
  ReceivingServer mailboxes(server.loop(), server.network(), {address("198.51.100.3"), 24});
  server.change_routing(
      {.routes = {{.domains = {"example.com"}, .to = rules::NextHop::parse("lmtp:[198.51.100.3]").value()}}});
  const auto ask_for_receipt = [&](const char* to) {
    EXPECT_THAT(
        say(fmt::format(
            "EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<{}> NOTIFY=SUCCESS\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
            to)),
        HasSubstr("accepted as"));
    server.loop().run_for(10s);
  };
  ask_for_receipt("bob@example.com");
  ASSERT_EQ(mailboxes.letters().size(), 1U);
  EXPECT_THAT(report_to_alice(), HasSubstr("Action: delivered"));
  add_domain("other.example");
  ask_for_receipt("bob@other.example");
  ASSERT_EQ(server.mails("alice").size(), 2U);
  const auto mails = server.mails("alice");
  EXPECT_TRUE(std::ranges::any_of(mails, [&](const auto& mail) {
    return disk.contents(mail).value_or("").contains("Action: relayed");
  })) << "a server elsewhere may still lose it";
}

// FAULTS I15.
TEST_F(Routes, AnOpenConnectionThatTakesLessThanTheMessageNeedsIsLeftAlone) {
  send("bob@example.com");
  server.loop().run_for(500ms);
  first.offer({"PIPELINING", "8BITMIME", "SMTPUTF8"});
  EXPECT_THAT(say("EHLO c\r\nMAIL FROM:<alice@example.org> SMTPUTF8\r\nRCPT TO:<b\xc3\xb6"
                  "b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"),
              HasSubstr("accepted as"));
  server.loop().run_for(10s);
  EXPECT_EQ(first.letters().size(), 2U);
  EXPECT_EQ(first.sessions(), 2U);
}

}  // namespace
}  // namespace posthorn::scenarios
