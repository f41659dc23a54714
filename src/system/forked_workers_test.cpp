// Real children: what they are given, that one name has one at a time, and that what does not fit ends the channel only.
#include "system/forked_workers.hpp"

#include "system/thread.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>

namespace posthorn::system {
namespace {

constexpr Duration patience = std::chrono::seconds{60};
constexpr std::uint16_t hello = 7;

std::uint16_t number_of(WorkPacket kind) { return static_cast<std::uint16_t>(kind); }

/// The process that forks is a child of the test: it must have one thread.
class ForkedWorkersTest : public ::testing::Test {
 protected:
  void start(ForkedWorkers::Settings settings, ForkedWorkers::Work work) {
    auto ends = ControlChannel::make_pair();
    ASSERT_TRUE(ends);
    house_ = ::fork();
    ASSERT_GE(house_, 0);
    if (house_ == 0) {
      static_cast<void>(ends->first.release());
      ForkedWorkers workers{std::move(settings), std::move(work)};
      workers.serve(ends->second);
      ::_exit(0);
    }
    parent_.emplace(std::move(ends->first));
    connect();
  }
  void connect() {
    auto ends = ControlChannel::make_pair();
    ASSERT_TRUE(ends);
    const int theirs = ends->second.descriptor();
    ASSERT_TRUE(parent_->send(number_of(WorkPacket::channel), {}, {&theirs, 1}));
    orders_.emplace(std::move(ends->first));
  }
  ~ForkedWorkersTest() override {
    orders_.reset();
    parent_.reset();
    if (house_ <= 0) return;
    ::kill(house_, SIGKILL);
    ::waitpid(house_, nullptr, 0);
  }

  /// Our end of the channel that goes with the order.
  ControlChannel order(const std::string& name) {
    auto ends = ControlChannel::make_pair();
    EXPECT_TRUE(ends);
    const int theirs = ends->second.descriptor();
    EXPECT_TRUE(orders_->send(number_of(WorkPacket::work), name, {&theirs, 1}));
    return std::move(ends->first);
  }

  pid_t house_ = 0;
  std::optional<ControlChannel> parent_;
  std::optional<ControlChannel> orders_;
};

void say_name(WorkOrder& order) {
  static_cast<void>(order.channel.send(hello, order.name + std::to_string(order.predecessor.is_open())));
}

/// Says its name, and its number again for each packet, until the other end has gone.
void echo(WorkOrder& order) {
  static_cast<void>(outlive(order.predecessor, std::chrono::milliseconds{200}));
  say_name(order);
  while (const auto packet = order.channel.receive(patience))
    static_cast<void>(order.channel.send(hello, packet->payload));
}

TEST_F(ForkedWorkersTest, EachOrderHasAChildOfItsOwn) {
  ASSERT_NO_FATAL_FAILURE(start({.process_name = "test"}, echo));
  const auto first = order("alice");
  const auto second = order("bob");
  EXPECT_EQ(second.receive(patience).value().payload, "bob0");
  EXPECT_EQ(first.receive(patience).value().payload, "alice0");
  ASSERT_TRUE(first.send(hello, "again"));
  EXPECT_EQ(first.receive(patience).value().payload, "again");
}

TEST_F(ForkedWorkersTest, TheNextForANameOutlivesTheOneBefore) {
  ASSERT_NO_FATAL_FAILURE(start({.process_name = "test"}, echo));
  const auto first = order("alice");
  ASSERT_EQ(first.receive(patience).value().payload, "alice0");
  const auto second = order("alice");
  ASSERT_EQ(second.receive(patience).value().payload, "alice1");
  EXPECT_EQ(first.receive(patience).error().kind, Error::Kind::ended) << "it was ended, for it would not go";
}

TEST_F(ForkedWorkersTest, BeyondTheLimitAnOrderIsClosedAtOnce) {
  ASSERT_NO_FATAL_FAILURE(start({.process_name = "test", .most = 1}, echo));
  const auto first = order("alice");
  ASSERT_TRUE(first.receive(patience));
  EXPECT_EQ(order("bob").receive(patience).error().kind, Error::Kind::ended);
  ASSERT_TRUE(first.send(hello, "still"));
  EXPECT_EQ(first.receive(patience).value().payload, "still");
}

TEST_F(ForkedWorkersTest, WhatDoesNotFitEndsTheChannelAndNothingElse) {
  ASSERT_NO_FATAL_FAILURE(start({.process_name = "test"}, echo));
  const auto working = order("alice");
  ASSERT_TRUE(working.receive(patience));
  ASSERT_TRUE(orders_->send(number_of(WorkPacket::work), "no channel with it"));
  EXPECT_EQ(orders_->receive(patience).error().kind, Error::Kind::ended);
  ASSERT_NO_FATAL_FAILURE(connect());
  const int any = working.descriptor();
  ASSERT_TRUE(orders_->send(number_of(WorkPacket::work), std::string(300, 'x'), {&any, 1}));
  EXPECT_EQ(orders_->receive(patience).error().kind, Error::Kind::ended);
  ASSERT_NO_FATAL_FAILURE(connect());
  EXPECT_EQ(order("bob").receive(patience).value().payload, "bob0");
  ASSERT_TRUE(working.send(hello, "still"));
  EXPECT_EQ(working.receive(patience).value().payload, "still");
}

}  // namespace
}  // namespace posthorn::system
