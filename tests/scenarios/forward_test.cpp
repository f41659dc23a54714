// Users who redirect their mail.
#include "receiving_server.hpp"
#include "simulated_server.hpp"

#include <fmt/core.h>
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

struct Redirect : testing::Test {
  sim::Disk disk;
  SimulatedServer server{disk, {.forward_file = ".forward"}};
  ReceivingServer far{server.loop(), server.network(), {address("198.51.100.1"), 25}};

  void SetUp() override {
    server.resolver().add("far.example", world::DnsType::mx, world::MxRecord{10, "mx.far.example"});
    server.resolver().add("mx.far.example", world::DnsType::a, address("198.51.100.1"));
    for (const auto* user : {"alice", "bob"}) disk.plant_folder(fmt::format("/mail/{}", user), 0700);
    ASSERT_TRUE(server.start()) << server.log().text();
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << server.log().text();
  }
  void redirect(const char* user, std::string_view text, unsigned mode = 0600) {
    ASSERT_TRUE(disk.plant_file(fmt::format("/mail/{}/.forward", user), text, mode));
  }
  void send(std::string_view to, std::string_view text = "Subject: hello\r\n\r\nGood day") {
    EXPECT_THAT(server.talk(SimulatedServer::relay, session_text("carol@other.example", to, text)),
                HasSubstr("accepted as"));
    server.loop().run_for(10s);
  }
  std::uint64_t waiting() { return server.server().spool().facts().messages; }
  std::string mail_of(const char* user) {
    const auto mails = server.mails(user);
    return mails.empty() ? std::string{} : disk.contents(mails.front()).value_or("");
  }
};

TEST_F(Redirect, GoesOnWithTheSameSenderAndIsNotKept) {
  redirect("alice", "bob@far.example, dora@far.example\n");
  send("alice@example.org");
  ASSERT_EQ(far.letters().size(), 1U);
  EXPECT_THAT(far.letters()[0].sender, StartsWith("MAIL FROM:<carol@other.example>"));
  EXPECT_THAT(far.letters()[0].recipients, ElementsAre("<bob@far.example>", "<dora@far.example>"));
  EXPECT_THAT(far.letters()[0].text, StartsWith("Delivered-To: alice@example.org\r\nReceived: by mx.example.org"));
  EXPECT_THAT(far.letters()[0].text, HasSubstr("\r\nSubject: hello\r\n\r\nGood day\r\n"));
  EXPECT_EQ(server.mails("alice").size(), 0U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Redirect, KeepsACopyWhereTheUserWantsIt) {
  redirect("alice", "\\alice\nbob@far.example\n");
  send("alice@example.org");
  EXPECT_EQ(far.letters().size(), 1U);
  EXPECT_EQ(server.mails("alice").size(), 1U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Redirect, GoesToAnotherUserHere) {
  redirect("alice", "bob\n");
  send("alice@example.org");
  EXPECT_THAT(
      mail_of("bob"),
      StartsWith(
          "Return-Path: <carol@other.example>\nDelivered-To: bob@example.org\nDelivered-To: alice@example.org\n"));
  EXPECT_EQ(waiting(), 0U);
}

// RFC 3461 §5.2.7.3 (b)
TEST_F(Redirect, ToSeveralAddressesTellsOneSuccess) {
  far.answer("RCPT TO:<eve", "550 5.1.1 nobody");
  redirect("alice", "carl@far.example, dora@far.example, eve@far.example\n");
  const auto heard = server.talk(SimulatedServer::relay,
                                 "EHLO c\r\nMAIL FROM:<bob@example.org>\r\n"
                                 "RCPT TO:<alice@example.org> NOTIFY=SUCCESS,FAILURE\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  server.loop().run_for(10s);
  ASSERT_EQ(server.mails("bob").size(), 1U);
  const auto report = mail_of("bob");
  EXPECT_THAT(report, HasSubstr("Final-Recipient: rfc822; carl@far.example\nAction: relayed\n"));
  EXPECT_THAT(report, Not(HasSubstr("Final-Recipient: rfc822; dora@far.example")));
  EXPECT_THAT(report, HasSubstr("Final-Recipient: rfc822; eve@far.example\nAction: failed\n"));
}

TEST_F(Redirect, ACircleIsFound) {
  redirect("alice", "bob\n");
  redirect("bob", "alice\n");
  send("alice@example.org");
  EXPECT_EQ(server.mails("alice").size() + server.mails("bob").size(), 0U);
  EXPECT_THAT(server.log().text(), HasSubstr("5.4.6"));
  EXPECT_EQ(server.log().count("report.queued"), 2U)
      << "to the sender, who is nowhere, so to the postmaster, who is alice: there it ends";
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Redirect, EachHasAnOutcomeOfItsOwn) {
  far.answer("RCPT TO:<bob", "550 5.1.1 nobody");
  redirect("alice", "bob@far.example\ndora@far.example\n");
  const auto heard = server.talk(SimulatedServer::relay, session_text("bob@example.org", "alice@example.org", "x"));
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  server.loop().run_for(10s);
  ASSERT_EQ(far.letters().size(), 1U);
  EXPECT_THAT(far.letters()[0].recipients, ElementsAre("<dora@far.example>"));
  EXPECT_THAT(mail_of("bob"), HasSubstr("Final-Recipient: rfc822; bob@far.example"));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Redirect, AFileThatDoesNotCountLeavesTheMailInTheMailbox) {
  redirect("alice", "bob@far.example\n", 0666);
  send("alice@example.org");
  EXPECT_EQ(far.sessions(), 0U);
  EXPECT_EQ(server.mails("alice").size(), 1U);
  EXPECT_EQ(server.log().count("forward.ignored"), 1U);
}

TEST_F(Redirect, ProgramsAndFilesAreRefused) {
  redirect("alice", "|/bin/vacation\n/tmp/box\n");
  send("alice@example.org");
  EXPECT_EQ(server.mails("alice").size(), 1U);
  EXPECT_EQ(server.log().count("forward.fault"), 2U);
}

TEST_F(Redirect, ALargeMessageFlowsThrough) {
  redirect("alice", "bob@far.example\n");
  std::string body;
  for (int line = 0; line < 4000; ++line) body += fmt::format("{:08} {}\r\n", line, std::string(40, 'x'));
  send("alice@example.org", "Subject: large\r\n\r\n" + body);
  ASSERT_EQ(far.letters().size(), 1U);
  EXPECT_THAT(far.letters()[0].text, HasSubstr("00003999 xxx"));
  EXPECT_EQ(waiting(), 0U);
}

}  // namespace
}  // namespace posthorn::scenarios
