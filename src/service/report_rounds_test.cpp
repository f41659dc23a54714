#include "service/report_rounds.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::service {
namespace {

using namespace std::chrono_literals;
using What = rules::RecipientEvent::What;
constexpr MessageId id{7};

struct Rounds : testing::Test {
  ReportRounds rounds{1min};
  MonotonicTime now{1h};

  void begin(std::uint32_t group) { rounds.begin({id, group}, now); }
  void add(std::uint32_t group, What what = What::failed) {
    std::vector<RoundEvent> owed(1);
    owed[0].event.recipient = group;
    owed[0].event.what = what;
    rounds.add({id, group}, {.id = id}, std::move(owed), now);
  }
  /// The recipients told of; "-": nothing is told.
  std::string end(std::uint32_t group) {
    const auto round = rounds.end({id, group});
    if (!round) return "-";
    EXPECT_EQ(round->message.id, id);
    std::string told = round->is_shared ? "shared" : "own";
    for (const auto& each : round->events) told += " " + std::to_string(each.event.recipient);
    return told;
  }
};

TEST_F(Rounds, OneAttemptTellsAtItsEnd) {
  begin(1);
  add(1);
  EXPECT_EQ(end(1), "own 1");
  EXPECT_EQ(end(1), "-");
  EXPECT_EQ(rounds.size(), 0U);
}

TEST_F(Rounds, TheLastTellsForAll) {
  for (const auto group : {1U, 2U, 3U}) begin(group);
  add(1);
  EXPECT_EQ(end(1), "-");
  EXPECT_EQ(end(3), "-");
  add(2);
  EXPECT_EQ(end(2), "shared 1 2");
  EXPECT_EQ(rounds.size(), 0U);
}

TEST_F(Rounds, AnAttemptWithoutAnOutcomeTellsForTheOthersToo) {
  begin(1);
  begin(2);
  add(1);
  EXPECT_EQ(end(1), "-");
  EXPECT_EQ(end(2), "shared 1");
}

TEST_F(Rounds, NothingOwedIsNothingTold) {
  begin(1);
  rounds.add({id, 1}, {.id = id}, {}, now);
  EXPECT_EQ(end(1), "-");
  EXPECT_EQ(rounds.size(), 0U);
}

TEST_F(Rounds, WhatBeginsLateIsNotWaitedFor) {
  begin(1);
  begin(2);
  add(1);
  EXPECT_EQ(end(1), "-");
  now += 61s;
  begin(3);
  add(2);
  EXPECT_EQ(end(2), "shared 1 2");
  add(3);
  EXPECT_EQ(end(3), "own 3");
  EXPECT_EQ(rounds.size(), 0U);
}

TEST_F(Rounds, WhoIsTriedAgainIsNotCalledDelayed) {
  begin(1);
  begin(2);
  add(1, What::deferred);
  EXPECT_EQ(end(1), "-");
  begin(1);
  EXPECT_EQ(end(2), "-");
  add(1);
  EXPECT_EQ(end(1), "own 1");
}

}  // namespace
}  // namespace posthorn::service
