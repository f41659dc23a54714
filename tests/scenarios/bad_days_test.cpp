// Bad days of the relay: peers that misbehave at each step, destinations that are dead, full or slow. The queue never stalls
// for the others (I30, F48), nothing is lost, and no more copies arrive than there were ambiguous ends (I3).
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

IpAddress address(const char* text) { return *IpAddress::parse(text); }

struct World {
  sim::Disk disk;
  SimulatedServer server;
  ReceivingServer odd{server.loop(), server.network(), {address("198.51.100.1"), 25}};
  ReceivingServer good{server.loop(), server.network(), {address("198.51.100.2"), 25}};

  explicit World(ServerOptions options = {}) : server(disk, std::move(options)) {
    auto& dns = server.resolver();
    dns.add("odd.example", world::DnsType::mx, world::MxRecord{10, "mx.odd.example"});
    dns.add("mx.odd.example", world::DnsType::a, address("198.51.100.1"));
    dns.add("good.example", world::DnsType::mx, world::MxRecord{10, "mx.good.example"});
    dns.add("mx.good.example", world::DnsType::a, address("198.51.100.2"));
    dns.add("dead.example", world::DnsType::mx, world::MxRecord{10, "mx.dead.example"});
    dns.add("mx.dead.example", world::DnsType::a, address("198.51.100.99"));
    EXPECT_TRUE(server.start()) << server.log().text();
  }
  ~World() {
    if (testing::Test::HasFailure()) std::cerr << server.log().text().substr(0, 20'000);
  }
  void send(std::string_view to, int count = 1) {
    std::string words = "EHLO client.example\r\n";
    for (int number = 0; number < count; ++number) {
      words += fmt::format("MAIL FROM:<alice@example.org>\r\nRCPT TO:<{}>\r\nDATA\r\nSubject: {}\r\n\r\nx\r\n.\r\n", to,
                           number);
    }
    EXPECT_THAT(server.talk(SimulatedServer::relay, words + "QUIT\r\n", 10s), HasSubstr("accepted as"));
  }
  std::uint64_t waiting() { return server.server().spool().facts().messages; }
};

struct BadDay {
  const char* step;
  const char* behaviour;
};

class Misbehaviour : public testing::TestWithParam<BadDay> {};

TEST_P(Misbehaviour, LosesNothingAndHoldsUpNobody) {
  const auto [step, behaviour] = GetParam();
  World world;
  world.odd.answer(step, behaviour);
  world.send("bob@odd.example", 3);
  world.send("bob@good.example", 3);
  world.server.loop().run_for(10s);
  EXPECT_EQ(world.good.letters().size(), 3U) << "the others do not wait";
  world.server.loop().run_for(1h);
  EXPECT_EQ(world.waiting(), 3U) << "a bad day is no reason to give mail back";
  EXPECT_EQ(world.server.mails("alice").size(), 0U);
  world.odd.forget_answers();
  world.server.loop().run_for(3h);
  EXPECT_EQ(world.waiting(), 0U) << "what is well again gets its mail";
  EXPECT_GE(world.odd.letters().size(), 3U);
  EXPECT_LE(world.odd.letters().size(), 3U + world.server.remote_delivery().facts().ambiguous);
}

INSTANTIATE_TEST_SUITE_P(Garbage, Misbehaviour,
                         testing::Values(BadDay{"220", "hello there"}, BadDay{"EHLO", "hello there"},
                                         BadDay{"MAIL", "hello there"}, BadDay{"RCPT", "hello there"},
                                         BadDay{"DATA", "hello there"}, BadDay{".", "hello there"}));
INSTANTIATE_TEST_SUITE_P(Half, Misbehaviour,
                         testing::Values(BadDay{"220", "half 22"}, BadDay{"EHLO", "half 250-x\r\n25"},
                                         BadDay{"MAIL", "half 25"}, BadDay{"RCPT", "half 250 o"},
                                         BadDay{"DATA", "half 35"}, BadDay{".", "half 250 ok"}));
INSTANTIATE_TEST_SUITE_P(Endless, Misbehaviour,
                         testing::Values(BadDay{"220", "endless"}, BadDay{"EHLO", "endless"}, BadDay{"MAIL", "endless"},
                                         BadDay{"RCPT", "endless"}, BadDay{"DATA", "endless"}, BadDay{".", "endless"}));
INSTANTIATE_TEST_SUITE_P(Closes, Misbehaviour,
                         testing::Values(BadDay{"220", "cut"}, BadDay{"EHLO", "cut"}, BadDay{"MAIL", "cut"},
                                         BadDay{"RCPT", "cut"}, BadDay{"DATA", "cut"}, BadDay{".", "cut"}));
INSTANTIATE_TEST_SUITE_P(Hangs, Misbehaviour,
                         testing::Values(BadDay{"220", "hang"}, BadDay{"EHLO", "hang"}, BadDay{"MAIL", "hang"},
                                         BadDay{"RCPT", "hang"}, BadDay{"DATA", "hang"}, BadDay{".", "hang"}));
INSTANTIATE_TEST_SUITE_P(Goes, Misbehaviour,
                         testing::Values(BadDay{"220", "421 4.3.2 busy"}, BadDay{"EHLO", "421 4.3.2 busy"},
                                         BadDay{"MAIL", "421 4.3.2 busy"}, BadDay{"RCPT", "421 4.3.2 busy"},
                                         BadDay{"DATA", "421 4.3.2 busy"}, BadDay{".", "421 4.3.2 busy"}));

TEST(BadDays, AMaskedGreetingIsNoObstacle) {
  World world;
  world.odd.answer("220", "220 **************************");
  world.send("bob@odd.example");
  world.server.loop().run_for(10s);
  EXPECT_EQ(world.odd.letters().size(), 1U);
  EXPECT_EQ(world.waiting(), 0U);
}

// FAULTS F48, I30.
TEST(BadDays, AThousandMessagesForADeadDestinationHoldUpNobody) {
  World world;
  world.send("bob@dead.example", 1000);
  world.send("bob@good.example", 50);
  world.server.loop().run_for(5s);
  EXPECT_EQ(world.good.letters().size(), 50U);
  world.server.loop().run_for(10min);
  EXPECT_EQ(world.waiting(), 1000U);
  EXPECT_LT(world.server.remote_delivery().facts().failed_connections, 60U);
  // Each has its attempt, or a share in one, at each of its times all the same.
  EXPECT_GE(world.server.server().queue().facts().deferrals, 2000U);
}

// A provider that takes no session now sees a few connections, not a thousand.
TEST(BadDays, AThousandMessagesForAServerThatTurnsUsAwayMakeFewConnections) {
  World world;
  world.odd.answer("220", "421 4.7.0 too much mail from you");
  world.send("bob@odd.example", 1000);
  world.server.loop().run_for(10min);
  EXPECT_EQ(world.waiting(), 1000U);
  EXPECT_LT(world.odd.sessions(), 60U);
  world.odd.forget_answers();
  world.server.loop().run_for(1h);
  EXPECT_EQ(world.odd.letters().size(), 1000U);
  EXPECT_EQ(world.waiting(), 0U);
}

TEST(BadDays, ADestinationThatHangsHoldsUpItsOwnMailOnly) {
  World world;
  world.odd.answer("220", "hang");
  world.send("bob@odd.example", 300);
  for (int minute = 0; minute < 10; ++minute) {
    world.send("bob@good.example", 5);
    world.server.loop().run_for(1min);
  }
  EXPECT_EQ(world.good.letters().size(), 50U);
  EXPECT_EQ(world.waiting(), 300U);
}

TEST(BadDays, AServerThatTakesOneConnectionGetsEverythingInTheEnd) {
  World world;
  world.odd.serve_at_once(1);
  world.send("bob@odd.example", 60);
  world.server.loop().run_for(2h);
  EXPECT_EQ(world.odd.letters().size(), 60U);
  EXPECT_EQ(world.odd.most_open(), 1U);
  EXPECT_EQ(world.waiting(), 0U);
}

TEST(BadDays, SomeLaterSomeNeverSomeNow) {
  World world;
  world.odd.answer("RCPT TO:<later", "450 4.2.0 come back");
  world.odd.answer("RCPT TO:<never", "550 5.1.1 nobody");
  EXPECT_THAT(
      world.server.talk(
          SimulatedServer::relay,
          "EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<now@odd.example>\r\nRCPT TO:<later@odd.example>\r\n"
          "RCPT TO:<never@odd.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"),
      HasSubstr("accepted as"));
  world.server.loop().run_for(1min);
  ASSERT_EQ(world.odd.letters().size(), 1U);
  EXPECT_EQ(world.server.log().count("recipient.deferred"), 1U);
  ASSERT_EQ(world.server.mails("alice").size(), 1U) << "one report, about who never will";
  world.odd.forget_answers();
  world.server.loop().run_for(1h);
  ASSERT_EQ(world.odd.letters().size(), 2U);
  EXPECT_THAT(world.odd.letters()[1].recipients, ElementsAre("<later@odd.example>"));
  EXPECT_EQ(world.server.mails("alice").size(), 1U);
  EXPECT_EQ(world.waiting(), 0U);
}

// A greylisting server names its wait: obeyed, at the same host.
TEST(BadDays, ANamedWaitIsObeyed) {
  World world;
  world.server.resolver().add("odd.example", world::DnsType::mx, world::MxRecord{20, "mx.good.example"});
  world.odd.answer("RCPT", "450 4.2.0 Greylisted, please come back in 90 seconds");
  world.send("bob@odd.example");
  world.server.loop().run_for(80s);
  EXPECT_EQ(world.odd.sessions(), 1U);
  world.odd.forget_answers();
  world.server.loop().run_for(40s);
  EXPECT_EQ(world.odd.letters().size(), 1U);
  EXPECT_EQ(world.good.sessions(), 0U) << "another host would begin to count anew";
}

// FAULTS F32.
TEST(BadDays, AJumpOfTheCalendarNeitherExpiresNorHurries) {
  for (const auto jump : {std::chrono::hours{1}, std::chrono::hours{-1}, std::chrono::hours{24 * 365 * 10}}) {
    World world;
    world.odd.answer("RCPT", "450 4.3.0 later");
    world.send("bob@odd.example");
    world.server.loop().run_for(1min);
    world.server.loop().clock().jump_wall(jump);
    world.server.loop().run_for(3min);
    EXPECT_EQ(world.odd.sessions(), 1U) << "not before its time";
    world.odd.forget_answers();
    world.server.loop().run_for(5min);
    EXPECT_EQ(world.odd.letters().size(), 1U) << "and not after it";
    EXPECT_EQ(world.server.mails("alice").size(), 0U) << "nothing has expired";
  }
}

// FAULTS F15. A message lives for ten hours here, the mailbox is full for sixteen: as if for a week with a life of five days.
TEST(BadDays, AMailboxThatIsFullForAWeekHoldsUpItsOwnMailOnly) {
  World world({.look_interval = 1min, .retry = {.expire = 10h}});
  world.server.loop().run_for(1s);
  world.disk.plan({.operation = sim::DiskOperation::write,
                   .error = Error::Kind::over_quota,
                   .times = sim::DiskFault::always,
                   .path = "/mail/bob"});
  world.send("bob@example.org");  // will have waited too long
  world.server.loop().run_for(5h);
  EXPECT_EQ(world.server.mails("alice").size(), 1U) << "the sender is told that it waits";
  world.server.loop().run_for(4h);
  world.send("bob@example.org");  // in time for the room
  world.send("bob@good.example");
  world.send("alice@example.org");
  world.server.loop().run_for(7h);
  EXPECT_EQ(world.good.letters().size(), 1U) << "the others do not wait";
  EXPECT_EQ(world.waiting(), 1U) << "the first has gone back to its sender";
  EXPECT_EQ(world.server.mails("bob").size(), 0U);
  const auto told = world.server.mails("alice").size();
  EXPECT_EQ(told, 2U + 1U + 1U) << "two warnings, one return, her own mail";
  world.disk.forget_plan();
  world.server.loop().run_for(2h);
  EXPECT_EQ(world.server.mails("bob").size(), 1U);
  EXPECT_EQ(world.waiting(), 0U);
  EXPECT_EQ(world.server.mails("alice").size(), told);
}

TEST(BadDays, NamesThatDnsMakesUpAreNotBelieved) {
  World world;
  auto& dns = world.server.resolver();
  for (const auto* name : {"", "127.0.0.1", "a b", "localhost", "mx.example.org"})
    dns.add("lies.example", world::DnsType::mx, world::MxRecord{10, name});
  dns.add("localhost", world::DnsType::a, address("127.0.0.1"));
  world.send("bob@lies.example");
  world.server.loop().run_for(1min);
  EXPECT_EQ(world.server.log().count("recipient.failed"), 1U);
  EXPECT_EQ(world.server.log().count("message.accepted"), 1U) << "nothing comes back to us";
}

}  // namespace
}  // namespace posthorn::scenarios
