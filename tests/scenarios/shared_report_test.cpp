// One report per message and round of attempts (I9), wherever its recipients are, in the simulated world.
#include "receiving_server.hpp"
#include "sim/disk_choice.hpp"
#include "simulated_server.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <memory>

namespace posthorn::scenarios {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A start of the server, and a host for each domain d0.example, d1.example, ….
struct World {
  static constexpr unsigned domains = 10;

  World(sim::Disk& disk, ServerOptions options) : server(disk, std::move(options)) {
    for (unsigned i = 0; i < domains; ++i) {
      const auto name = fmt::format("mx.d{}.example", i);
      const auto at = *IpAddress::parse(fmt::format("198.51.100.{}", i + 1));
      server.resolver().add(fmt::format("d{}.example", i), world::DnsType::mx, world::MxRecord{10, name});
      server.resolver().add(name, world::DnsType::a, at);
      hosts.push_back(std::make_unique<ReceivingServer>(server.loop(), server.network(), Endpoint{at, 25}));
    }
  }

  SimulatedServer server;
  std::vector<std::unique_ptr<ReceivingServer>> hosts;
};

struct SharedReport : testing::Test {
  sim::Disk disk;
  std::unique_ptr<World> world;

  void start(ServerOptions options = {.look_interval = 1min}) {
    world = std::make_unique<World>(disk, std::move(options));
    for (const auto* user : {"alice", "bob"}) disk.plant_folder(fmt::format("/mail/{}", user), 0700);
    ASSERT_TRUE(world->server.start()) << world->server.log().text();
  }
  void cut_power() {
    world.reset();
    sim::LoseAll nothing_unsynced;
    disk.reboot(nothing_unsynced);
    start({.seed = 2, .look_interval = 1min});
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << world->server.log().text();
  }
  ReceivingServer& host(unsigned number) { return *world->hosts[number]; }
  void run(Duration time) { world->server.loop().run_for(time); }
  /// Host 4 does not answer yet.
  void nine_refuse_and_one_is_slow() {
    start();
    for (auto& each : world->hosts) each->answer("RCPT", "550 5.1.1 nobody of that name");
    host(4).stall("RCPT");
    send(10);
    run(1min);
    EXPECT_EQ(reports().size(), 0U);
  }
  /// To bob in so many of the domains, and to `more`.
  void send(unsigned domains, const std::string& notify = {}, const std::string& more = {}) {
    std::string words = "EHLO c\r\nMAIL FROM:<alice@example.org>\r\n";
    const auto ask = [&](const std::string& to) {
      words += fmt::format("RCPT TO:<{}>{}\r\n", to, notify.empty() ? "" : " NOTIFY=" + notify);
    };
    for (unsigned i = 0; i < domains; ++i) ask(fmt::format("bob@d{}.example", i));
    if (!more.empty()) ask(more);
    const auto heard =
        world->server.talk(SimulatedServer::relay, words + "DATA\r\nSubject: s\r\n\r\nwords\r\n.\r\nQUIT\r\n");
    EXPECT_THAT(heard, HasSubstr("accepted as"));
  }
  /// What alice has been told.
  std::vector<std::string> reports() {
    std::vector<std::string> texts;
    for (const auto& path : world->server.mails("alice")) texts.push_back(disk.contents(path).value_or(""));
    return texts;
  }
  /// In all reports.
  int times(std::string_view words) {
    int count = 0;
    for (const auto& text : reports()) {
      for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++count;
    }
    return count;
  }
  std::uint64_t waiting() { return world->server.server().spool().facts().messages; }
};

TEST_F(SharedReport, TenThatRefuse) {
  start();
  for (auto& each : world->hosts) each->answer("RCPT", "550 5.1.1 nobody of that name");
  send(10);
  run(10s);
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_EQ(times("Final-Recipient: "), 10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(times(fmt::format("Final-Recipient: rfc822; bob@d{}.example\n", i)), 1);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SharedReport, NineThatRefuseWaitForTheTenth) {
  nine_refuse_and_one_is_slow();
  host(4).go_on();
  run(10s);
  EXPECT_EQ(reports().size(), 1U);
  EXPECT_EQ(times("Final-Recipient: "), 10);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SharedReport, ATenthThatIsTriedAgainLaterIsNotWaitedForTwice) {
  start();
  for (auto& each : world->hosts) each->answer("RCPT", "550 5.1.1 nobody of that name");
  host(4).answer("RCPT", "450 4.2.0 later");
  host(4).stall("RCPT");
  send(10);
  run(1min);
  host(4).go_on();
  run(10s);
  EXPECT_EQ(reports().size(), 1U);
  EXPECT_EQ(times("Final-Recipient: "), 9);
  host(4).answer("RCPT", "550 5.1.1 nobody of that name");
  run(10min);
  EXPECT_EQ(reports().size(), 2U);
  EXPECT_EQ(times("Final-Recipient: "), 10);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SharedReport, AUserHereAndAnotherElsewhere) {
  start({.look_interval = 1min, .retry = {.expire = 10h}});
  run(1s);
  disk.plan({.operation = sim::DiskOperation::write,
             .error = Error::Kind::over_quota,
             .times = sim::DiskFault::always,
             .path = "/mail/bob"});
  host(0).answer("RCPT", "450 4.2.0 not now");
  send(1, {}, "bob@example.org");
  run(6h);
  EXPECT_EQ(reports().size(), 1U);
  EXPECT_EQ(times("Action: delayed\n"), 2);
  run(6h);
  EXPECT_EQ(reports().size(), 2U);
  EXPECT_EQ(times("Action: failed\n"), 2);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SharedReport, SuccessIsToldOnce) {
  start();
  send(5, "SUCCESS", "bob@example.org");
  run(10s);
  EXPECT_EQ(reports().size(), 1U);
  EXPECT_EQ(times("Action: relayed\n"), 5);
  EXPECT_EQ(times("Action: delivered\n"), 1);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SharedReport, WhatIsOwedOutlivesAPowerCut) {
  nine_refuse_and_one_is_slow();
  cut_power();
  host(4).answer("RCPT", "550 5.1.1 nobody of that name");
  run(10min);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(times(fmt::format("Final-Recipient: rfc822; bob@d{}.example\n", i)), 1);
  EXPECT_EQ(reports().size(), 2U) << "the nine, and the one that was tried again";
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SharedReport, WhatIsOwedOutlivesAStop) {
  start();
  for (auto& each : world->hosts) each->answer("RCPT", "550 5.1.1 nobody of that name");
  host(4).stall("RCPT");
  send(10);
  run(1min);
  world->server.stop();
  world.reset();
  start({.seed = 2, .look_interval = 1min});
  host(4).answer("RCPT", "550 5.1.1 nobody of that name");
  run(10min);
  EXPECT_EQ(times("Final-Recipient: "), 10);
  EXPECT_LE(reports().size(), 2U);
  EXPECT_EQ(waiting(), 0U);
}

// Their next attempts come at different times.
TEST_F(SharedReport, FiveThatWaitAreToldOfOnceAndEndTogether) {
  start({.look_interval = 1min, .retry = {.expire = 10h}});
  for (auto& each : world->hosts) each->answer("RCPT", "450 4.2.0 not now");
  send(5);
  run(5h);
  EXPECT_EQ(reports().size(), 1U);
  EXPECT_EQ(times("Action: delayed\n"), 5);
  run(6h);
  EXPECT_EQ(reports().size(), 2U);
  EXPECT_EQ(times("Action: delayed\n"), 5) << "once each";
  EXPECT_EQ(times("Action: failed\n"), 5);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SharedReport, AnAttemptUnderWayDoesNotForgetThatItsDelayWasTold) {
  start({.look_interval = 1min, .retry = {.waits = {30min}}});
  for (auto& each : world->hosts) each->answer("RCPT", "450 4.2.0 not now");
  send(3);
  run(3h + 50min);
  host(1).stall("RCPT");  // its attempts last five minutes from now on
  run(20h);
  EXPECT_EQ(times("Action: delayed\n"), 3);
}

TEST_F(SharedReport, WhomAnOperatorHasEndedIsToldOfAtOnceAndNotAgain) {
  start();
  host(0).answer("RCPT", "550 5.1.1 nobody of that name");
  host(1).answer("RCPT", "450 4.2.0 not now");
  host(2).answer("RCPT", "550 5.1.1 nobody of that name");
  host(2).stall("RCPT");
  send(3);
  run(30s);
  const auto done = world->server.ask("/api/queue/expire", R"({"recipient":"bob@d1.example"})");
  EXPECT_THAT(done, HasSubstr(" 200 ")) << done;
  run(1s);
  EXPECT_EQ(times("Final-Recipient: rfc822; bob@d1.example\n"), 1);
  host(2).go_on();
  run(10s);
  EXPECT_EQ(times("Final-Recipient: "), 3);
  EXPECT_EQ(reports().size(), 2U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SharedReport, WhatAnOperatorRemovedMeanwhileIsNotCalledDelayed) {
  start({.look_interval = 1min, .retry = {.waits = {4h}}});
  host(0).answer("RCPT", "450 4.2.0 not now");
  host(1).answer("RCPT", "450 4.2.0 not now");
  send(2);
  run(4h + 1min);
  host(1).stall("RCPT");
  world->server.ask("/api/queue/retry", R"({"all":true})");
  run(30s);
  EXPECT_EQ(reports().size(), 0U) << "the other attempt is under way";
  world->server.ask("/api/queue/remove", R"({"recipient":"bob@d0.example"})");
  host(1).go_on();
  run(24h);
  EXPECT_EQ(times("Final-Recipient: rfc822; bob@d0.example\n"), 0);
  EXPECT_EQ(times("Final-Recipient: rfc822; bob@d1.example\n"), 1);
}

}  // namespace
}  // namespace posthorn::scenarios
