// Mail that waits, and its end, in the simulated world: what `posthorn sim` found.
#include "receiving_server.hpp"
#include "simulated_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace posthorn::scenarios {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Seed 455: the last attempt came at the end of the message's life, however short the wait before it.
TEST(Waiting, NothingIsTriedOnceMoreBecauseItsTimeIsOver) {
  sim::Disk disk;
  SimulatedServer server{disk, {.look_interval = 1min}};
  ReceivingServer host{server.loop(), server.network(), {*IpAddress::parse("198.51.100.1"), 25}};
  server.resolver().add("example.com", world::DnsType::mx, world::MxRecord{10, "mx.example.com"});
  server.resolver().add("mx.example.com", world::DnsType::a, *IpAddress::parse("198.51.100.1"));
  ASSERT_TRUE(server.start()) << server.log().text();
  host.answer("RCPT", "450 4.2.0 try again later");
  const auto heard = server.talk(SimulatedServer::relay, session_text("alice@example.org", "bob@example.com", "x"));
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  auto sessions = host.sessions();
  auto tried_at = server.loop().now();
  while (server.server().spool().facts().messages > 0 && server.loop().now() < MonotonicTime{24h * 6}) {
    server.loop().run_for(1min);
    if (host.sessions() == sessions) continue;
    EXPECT_GE(server.loop().now() - tried_at, 4min);
    sessions = host.sessions();
    tried_at = server.loop().now();
  }
  EXPECT_GT(sessions, 90U);
  EXPECT_EQ(server.server().spool().facts().messages, 0U);
  EXPECT_GT(server.log().count("recipient.expired"), 0U);
  EXPECT_EQ(server.mails("alice").size(), 2U) << "the delay and the end";
}

/// Seeds 89, 309, 1675, 1717: what could not be read at the start was never taken up.
TEST(Waiting, WhatTheDiskDoesNotGiveAtTheStartIsTakenUpLater) {
  sim::Disk disk;
  auto before = std::make_unique<SimulatedServer>(disk, ServerOptions{.paused = true});
  ASSERT_TRUE(before->start()) << before->log().text();
  const auto heard = before->talk(SimulatedServer::relay, session_text("bob@example.org", "alice@example.org", "x"));
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  before->stop();
  before.reset();

  SimulatedServer server{disk, {.seed = 2}};
  ASSERT_TRUE(server.start()) << server.log().text();
  while (server.log().count("spool.recovered") == 0 && server.loop().step()) {
  }
  disk.plan({.operation = sim::DiskOperation::read, .times = sim::DiskFault::always, .path = "segment-"});
  server.loop().run_for(30s);
  EXPECT_EQ(server.mails("alice").size(), 0U);
  EXPECT_GT(server.log().count("queue.unreadable"), 0U);
  disk.forget_plan();
  server.loop().run_for(5s);
  EXPECT_EQ(server.mails("alice").size(), 1U);
}

/// The place of a message whose end cannot be told is free for the next.
TEST(Waiting, AnEndThatCannotBeReadHoldsUpNobody) {
  sim::Disk disk;
  SimulatedServer server{disk, {.deliveries = 1, .retry = {.waits = {5min}, .expire = 9min}}};
  ReceivingServer host{server.loop(), server.network(), {*IpAddress::parse("198.51.100.1"), 25}};
  server.resolver().add("example.com", world::DnsType::mx, world::MxRecord{10, "mx.example.com"});
  server.resolver().add("mx.example.com", world::DnsType::a, *IpAddress::parse("198.51.100.1"));
  ASSERT_TRUE(server.start()) << server.log().text();
  host.answer("RCPT", "450 4.2.0 not now");
  for (const auto* to : {"first@example.com", "second@example.com"}) {
    EXPECT_THAT(server.talk(SimulatedServer::relay, session_text("alice@example.org", to, "x")),
                HasSubstr("accepted as"));
  }
  server.loop().run_for(8min);
  const std::string segment = "/state/spool/segment-00000001";
  const auto at = disk.contents(segment)->find("first@example.com");
  ASSERT_NE(at, std::string::npos);
  disk.corrupt(segment, at, "F");
  server.loop().run_for(5min);
  EXPECT_EQ(server.log().count("recipient.expired"), 1U);
  EXPECT_EQ(server.mails("alice").size(), 1U);
}

}  // namespace
}  // namespace posthorn::scenarios
