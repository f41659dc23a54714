#include "rules/queue_plan.hpp"

#include <gtest/gtest.h>

namespace posthorn::rules {
namespace {

using namespace std::chrono_literals;
using State = QueuePlan::State;
using Work = QueuePlan::Work;

constexpr MonotonicTime start{1h};

EntryId id(std::uint64_t message, std::uint32_t group = 0) { return {MessageId{message}, group}; }

std::vector<EntryId> take_all(QueuePlan& plan, MonotonicTime now) {
  std::vector<EntryId> taken;
  while (const auto work = plan.take(now)) taken.push_back(work->entry);
  return taken;
}

QueuePlan::Settings narrow(std::uint32_t window) { return {.first_window = window, .largest_window = window}; }

TEST(QueuePlan, AnEntryIsHandedOutAtItsTimeAndOnce) {
  QueuePlan plan({});
  EXPECT_EQ(plan.next_wakeup(), never);
  plan.add(id(1), "a.example", start + 5s);
  EXPECT_EQ(plan.next_wakeup(), start + 5s);
  EXPECT_FALSE(plan.take(start + 4s));
  EXPECT_EQ(plan.take(start + 5s), (Work{id(1), "a.example", false}));
  EXPECT_FALSE(plan.take(start + 5s));
  EXPECT_EQ(plan.find(id(1))->state, State::running);
  EXPECT_EQ(plan.next_wakeup(), never);
}

TEST(QueuePlan, WhatIsDeferredComesBackAndWhatIsFinishedIsForgotten) {
  QueuePlan plan({});
  plan.add(id(1), "a.example", start);
  ASSERT_TRUE(plan.take(start));
  EXPECT_TRUE(plan.defer(id(1), Health::answered, start, start + 5min));
  EXPECT_FALSE(plan.take(start + 4min));
  ASSERT_TRUE(plan.take(start + 5min));
  plan.finish(id(1), Health::worked, start + 5min);
  EXPECT_EQ(plan.size(), 0U);
  EXPECT_EQ(plan.running(), 0U);
  EXPECT_EQ(plan.destinations(), 0U) << "nothing was learned that is worth keeping";
}

TEST(QueuePlan, ADestinationGivesItsEarliestFirst) {
  QueuePlan plan({});
  plan.add(id(3), "a.example", start + 3s);
  plan.add(id(1), "a.example", start + 1s);
  plan.add(id(2), "a.example", start + 2s);
  EXPECT_EQ(take_all(plan, start + 1min), (std::vector{id(1), id(2), id(3)}));
}

TEST(QueuePlan, DestinationsTakeTurnsHoweverLongTheirLines) {
  auto settings = narrow(100);
  QueuePlan plan(settings);
  for (std::uint64_t i = 0; i < 50; ++i) plan.add(id(i), "long.example", start);
  for (std::uint64_t i = 50; i < 53; ++i) plan.add(id(i), "short.example", start + 1s);
  const auto taken = take_all(plan, start + 1min);
  ASSERT_EQ(taken.size(), 53U);
  for (std::size_t turn = 0; turn < 3; ++turn) {
    EXPECT_GE(taken.at(2 * turn + 1).message.value(), 50U) << "turn " << turn;
  }
}

TEST(QueuePlan, AnOutcomeThatIsBeingRecordedHoldsNobodyBack) {
  QueuePlan plan({.deliveries = 3, .first_window = 1, .largest_window = 1});
  for (std::uint64_t i = 0; i < 5; ++i) plan.add(id(i), "a.example", start);
  EXPECT_EQ(take_all(plan, start).size(), 1U);
  plan.leave_room(id(0), Health::worked, start);
  EXPECT_EQ(plan.find(id(0))->state, State::running) << "nobody else may take it";
  EXPECT_EQ(take_all(plan, start), std::vector{id(1)});
  plan.leave_room(id(1), Health::unreachable, start);
  EXPECT_EQ(take_all(plan, start), std::vector{id(2)});
  plan.leave_room(id(2), Health::worked, start);
  EXPECT_TRUE(take_all(plan, start).empty()) << "outcomes that nobody can record pile up no further";
  plan.finish(id(0), Health::unreachable, start);
  EXPECT_FALSE(plan.find_destination("a.example")->is_dead) << "its word was heard when it left";
  EXPECT_EQ(take_all(plan, start), std::vector{id(3)});
  EXPECT_TRUE(plan.defer(id(1), Health::worked, start, start + 1min));
  EXPECT_EQ(plan.find(id(1))->state, State::waiting);
}

TEST(QueuePlan, LimitsHoldInAllAndPerDestination) {
  QueuePlan plan({.deliveries = 7, .first_window = 3, .largest_window = 3});
  for (std::uint64_t i = 0; i < 10; ++i) plan.add(id(i), "a.example", start);
  EXPECT_EQ(take_all(plan, start).size(), 3U);
  for (std::uint64_t i = 10; i < 30; ++i) plan.add(id(i), i % 2 == 0 ? "b.example" : "c.example", start);
  EXPECT_EQ(take_all(plan, start).size(), 4U);
  EXPECT_EQ(plan.running(), 7U);
  EXPECT_EQ(plan.next_wakeup(), never) << "full: nothing to wake for";
  plan.finish(id(0), Health::worked, start);
  EXPECT_LT(plan.next_wakeup(), start);
  EXPECT_EQ(take_all(plan, start).size(), 1U);
}

TEST(QueuePlan, TheWindowGrowsWithSuccessWhileItIsFull) {
  QueuePlan plan({.first_window = 2, .largest_window = 4});
  for (std::uint64_t i = 0; i < 40; ++i) plan.add(id(i), "a.example", start);
  std::vector<std::uint32_t> windows;
  std::vector<EntryId> running = take_all(plan, start);
  for (int i = 0; i < 4; ++i) {
    plan.finish(running.front(), Health::worked, start);
    running.erase(running.begin());
    windows.push_back(plan.find_destination("a.example")->window);
    for (const auto& more : take_all(plan, start)) running.push_back(more);
  }
  EXPECT_EQ(windows, (std::vector<std::uint32_t>{3, 4, 4, 4}));
}

TEST(QueuePlan, AWindowThatIsNotUsedDoesNotGrow) {
  QueuePlan plan({.first_window = 2, .largest_window = 4});
  plan.add(id(1), "a.example", start);
  plan.add(id(2), "a.example", start + 1h);
  ASSERT_TRUE(plan.take(start));
  plan.finish(id(1), Health::worked, start);
  EXPECT_EQ(plan.find_destination("a.example")->window, 2U);
}

TEST(QueuePlan, TroubleHalvesTheWindowAndARefusalDoesNot) {
  struct Row {
    const char* name;
    Health health;
    std::uint32_t window;
  };
  for (const auto& [name, health, window] :
       {Row{"answered", Health::answered, 8}, Row{"throttled", Health::throttled, 4},
        Row{"unreachable", Health::unreachable, 4}, Row{"not tried", Health::not_tried, 8}}) {
    QueuePlan plan({.first_window = 8});
    plan.add(id(1), "a.example", start);
    ASSERT_TRUE(plan.take(start));
    EXPECT_TRUE(plan.defer(id(1), health, start, start + 1h));
    EXPECT_EQ(plan.find_destination("a.example")->window, window) << name;
  }
}

/// A plan whose destination has been found dead at `start`, with `waiting` entries due then and the first two deferred.
void make_dead(QueuePlan& plan, std::uint64_t waiting) {
  for (std::uint64_t i = 0; i < waiting + 2; ++i) plan.add(id(i), "dead.example", start);
  for (std::uint64_t i = 0; i < 2; ++i) {
    const auto work = plan.take(start);
    ASSERT_TRUE(work && work->entry == id(i));
  }
  for (std::uint64_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(plan.defer(id(i), Health::unreachable, start + 30s, start + 5min));
  }
}

TEST(QueuePlan, WhatIsDueSharesTheFailureOfADeadDestination) {
  QueuePlan plan(narrow(2));
  make_dead(plan, 1'000);
  EXPECT_TRUE(plan.find_destination("dead.example")->is_dead);
  for (std::uint64_t i = 2; i < 1'002; ++i) {
    const auto work = plan.take(start + 30s);
    ASSERT_TRUE(work);
    EXPECT_TRUE(work->shares_failure);
    EXPECT_TRUE(plan.defer(work->entry, Health::not_tried, start + 30s, start + 5min + 30s));
  }
  EXPECT_FALSE(plan.take(start + 30s));
}

TEST(QueuePlan, ADeadDestinationIsTriedByOneAtTheOwnTimeOfEach) {
  QueuePlan plan(narrow(2));
  make_dead(plan, 0);
  plan.add(id(7), "dead.example", start + 4min);
  const auto probe = plan.take(start + 4min);
  EXPECT_EQ(probe, (Work{id(7), "dead.example", false})) << "due after the failure: an attempt of its own, in time";
  EXPECT_FALSE(plan.take(start + 6min)) << "the others wait for its end";
  EXPECT_TRUE(plan.defer(id(7), Health::unreachable, start + 6min, start + 9min));
  EXPECT_TRUE(plan.take(start + 6min)->shares_failure);
  EXPECT_TRUE(plan.take(start + 6min)->shares_failure);
}

// Each waits a little longer by chance; one attempt within that stands for all.
TEST(QueuePlan, AFailureWithinItsSlackIsAnEntrysOwn) {
  QueuePlan plan(narrow(2));
  make_dead(plan, 0);
  plan.add(id(7), "dead.example", start + 4min, 1min);
  plan.add(id(8), "dead.example", start + 4min + 20s, 20s);
  plan.add(id(9), "dead.example", start + 4min + 20s, 19s);
  plan.add(id(10), "dead.example", start + 4min + 40s, 5min);
  EXPECT_EQ(plan.take(start + 4min), (Work{id(7), "dead.example", false})) << "the failure is older";
  EXPECT_TRUE(plan.defer(id(7), Health::unreachable, start + 4min, start + 20min));
  EXPECT_FALSE(plan.take(start + 4min + 19s)) << "not before its time, though it will make no attempt";
  EXPECT_EQ(plan.take(start + 4min + 20s), (Work{id(8), "dead.example", true}));
  EXPECT_EQ(plan.take(start + 4min + 20s), (Work{id(9), "dead.example", false}));
  plan.finish(id(9), Health::worked, start + 4min + 30s);
  EXPECT_EQ(plan.take(start + 4min + 40s), (Work{id(10), "dead.example", false})) << "it is alive";
}

TEST(QueuePlan, WhatAnOperatorWantsTriedIsTried) {
  QueuePlan plan(narrow(2));
  make_dead(plan, 0);
  plan.add(id(7), "dead.example", start + 4min, 4min);
  EXPECT_TRUE(plan.retry(id(7), start + 31s));
  EXPECT_EQ(plan.take(start + 31s), (Work{id(7), "dead.example", false}));
}

TEST(QueuePlan, WhoIsTurnedAwayAloneIsAsGoodAsAtADeadDestination) {
  QueuePlan plan(narrow(2));
  for (std::uint64_t i = 0; i < 5; ++i) plan.add(id(i), "a.example", start);
  ASSERT_EQ(take_all(plan, start).size(), 2U);
  EXPECT_TRUE(plan.defer(id(0), Health::turned_away, start, start + 1h));
  EXPECT_EQ(plan.find_destination("a.example")->window, 1U) << "there is another: too many for it";
  EXPECT_TRUE(plan.defer(id(1), Health::turned_away, start, start + 1h));
  EXPECT_FALSE(plan.find_destination("a.example")->is_dead);
  EXPECT_EQ(plan.take(start), (Work{id(2), "a.example", false}));
  EXPECT_TRUE(plan.defer(id(2), Health::turned_away, start, start + 1h));
  EXPECT_TRUE(plan.find_destination("a.example")->is_dead);
  EXPECT_EQ(plan.take(start), (Work{id(3), "a.example", true}));
}

TEST(QueuePlan, ADestinationThatAnswersAgainIsAlive) {
  QueuePlan plan(narrow(2));
  make_dead(plan, 3);
  plan.add(id(9), "dead.example", start + 30s);
  for (int i = 0; i < 4; ++i) {
    const auto work = plan.take(start + 30s);
    ASSERT_TRUE(work && work->shares_failure);
    EXPECT_TRUE(plan.defer(work->entry, Health::not_tried, start + 30s, start + 5min));
  }
  ASSERT_TRUE(plan.take(start + 5min));
  EXPECT_FALSE(plan.take(start + 5min));
  plan.finish(id(0), Health::worked, start + 5min);
  EXPECT_FALSE(plan.find_destination("dead.example")->is_dead);
  EXPECT_EQ(take_all(plan, start + 5min).size(), 2U);
}

TEST(QueuePlan, OneFailureAloneDoesNotMakeADestinationDead) {
  QueuePlan plan(narrow(2));
  for (std::uint64_t i = 0; i < 5; ++i) plan.add(id(i), "a.example", start);
  ASSERT_TRUE(plan.take(start));
  EXPECT_TRUE(plan.defer(id(0), Health::unreachable, start, start + 1h));
  EXPECT_FALSE(plan.find_destination("a.example")->is_dead);
  EXPECT_FALSE(plan.take(start)->shares_failure);
}

TEST(QueuePlan, ADeadDestinationTakesNoRoomFromOthers) {
  QueuePlan plan({.deliveries = 4, .first_window = 2});
  make_dead(plan, 10);
  plan.add(id(100), "alive.example", start + 40s);
  ASSERT_TRUE(plan.take(start + 1min));
  const auto second = plan.take(start + 1min);
  EXPECT_EQ(second, (Work{id(100), "alive.example", false}));
}

TEST(QueuePlan, AConnectionThatIsOpenGetsMoreForItsDestination) {
  QueuePlan plan({});
  plan.add(id(1), "a.example", start);
  plan.add(id(2), "a.example", start);
  plan.add(id(3), "a.example", start + 1s);
  ASSERT_TRUE(plan.take(start));
  plan.finish(id(1), Health::worked, start);
  EXPECT_EQ(plan.take_more("a.example", start, 1), (Work{id(2), "a.example", false}));
  plan.finish(id(2), Health::worked, start);
  EXPECT_FALSE(plan.take_more("a.example", start, 2)) << "not due";
  EXPECT_FALSE(plan.take_more("b.example", start, 2)) << "no such destination";
}

TEST(QueuePlan, AnOpenConnectionGivesWayWhenOthersWaitForAPlace) {
  QueuePlan plan({.deliveries = 1, .messages_per_turn = 3});
  for (std::uint64_t i = 0; i < 10; ++i) plan.add(id(i), "a.example", start);
  plan.add(id(20), "b.example", start + 1s);
  ASSERT_TRUE(plan.take(start));
  plan.finish(id(0), Health::worked, start + 2s);
  EXPECT_TRUE(plan.take_more("a.example", start + 2s, 1));
  plan.finish(id(1), Health::worked, start + 2s);
  EXPECT_FALSE(plan.take_more("a.example", start + 2s, 3));
  EXPECT_EQ(plan.take(start + 2s)->destination, "a.example") << "it stood in the line first";
  plan.finish(id(2), Health::worked, start + 2s);
  EXPECT_EQ(plan.take(start + 2s)->destination, "b.example");
}

TEST(QueuePlan, DomainsOfOneProviderShareItsWindowOnceTheirHostsAreKnown) {
  QueuePlan plan(narrow(2));
  plan.add(id(1), "one.example", start);
  plan.add(id(2), "two.example", start);
  plan.add(id(3), "three.example", start);
  EXPECT_EQ(take_all(plan, start).size(), 3U);
  EXPECT_TRUE(plan.reassign(id(1), "mx.provider.example"));
  EXPECT_TRUE(plan.reassign(id(2), "mx.provider.example"));
  EXPECT_FALSE(plan.reassign(id(3), "mx.provider.example"));
  EXPECT_EQ(plan.find(id(3))->state, State::waiting);
  EXPECT_EQ(plan.running(), 2U);
  EXPECT_FALSE(plan.take(start));
  plan.finish(id(1), Health::answered, start);
  EXPECT_EQ(plan.take(start), (Work{id(3), "mx.provider.example", false}));
  EXPECT_TRUE(plan.reassign(id(3), "mx.provider.example")) << "where it is already";
}

TEST(QueuePlan, ALifeThatIsOverIsHandedOutForItsBounce) {
  QueuePlan plan({});
  plan.add(id(1), "a.example", start);
  ASSERT_TRUE(plan.take(start));
  EXPECT_TRUE(plan.defer_until_expiry(id(1), Health::answered, start, start + 20min));
  plan.add_expiring(id(2), "b.example", start + 10min);
  EXPECT_EQ(plan.next_wakeup(), start + 10min);
  EXPECT_FALSE(plan.take_expired(start + 9min));
  EXPECT_EQ(plan.take_expired(start + 30min), id(2));
  EXPECT_EQ(plan.take_expired(start + 30min), id(1));
  EXPECT_FALSE(plan.take_expired(start + 30min));
  EXPECT_FALSE(plan.take(start + 30min));
  plan.finish(id(1), Health::not_tried, start + 30min);
  EXPECT_TRUE(plan.defer_until_expiry(id(2), Health::not_tried, start + 30min, start + 31min))
      << "the bounce did not fit";
  EXPECT_EQ(plan.take_expired(start + 31min), id(2));
}

TEST(QueuePlan, AQueueThatExpiresAtOnceIsHandedOutWithinTheLimit) {
  QueuePlan plan({.deliveries = 2});
  for (std::uint64_t i = 1; i <= 3; ++i) plan.add_expiring(id(i), "a.example", start);
  EXPECT_TRUE(plan.take_expired(start));
  EXPECT_TRUE(plan.take_expired(start));
  EXPECT_FALSE(plan.take_expired(start));
  EXPECT_EQ(plan.next_wakeup(), never) << "the end of one of them is what to wait for";
  plan.finish(id(1), Health::not_tried, start);
  EXPECT_EQ(plan.take_expired(start), id(3));
}

TEST(QueuePlan, KnowsSinceWhenAnEntryHasWaited) {
  QueuePlan plan({});
  plan.add(id(1), "a.example", start);
  EXPECT_EQ(plan.find(id(1))->since, MonotonicTime::min()) << "it came before anybody looked at the clock";
  plan.set_since(id(1), start - 1h);
  EXPECT_EQ(plan.find(id(1))->since, start - 1h);
  ASSERT_TRUE(plan.take(start));
  EXPECT_TRUE(plan.defer(id(1), Health::answered, start + 1min, start + 20min));
  EXPECT_EQ(plan.find(id(1))->since, start + 1min);
}

TEST(QueuePlan, OperatorsHoldReleaseRetryAndRemove) {
  QueuePlan plan({});
  plan.add(id(1), "a.example", start);
  plan.add(id(2), "a.example", start + 1h);
  plan.add_held(id(3), "a.example");
  plan.add_expiring(id(4), "a.example", start + 1h);
  EXPECT_TRUE(plan.hold(id(1)));
  EXPECT_FALSE(plan.take(start));
  EXPECT_TRUE(plan.retry(id(2), start));
  EXPECT_EQ(plan.take(start)->entry, id(2));
  EXPECT_TRUE(plan.retry(id(3), start));
  EXPECT_FALSE(plan.take(start)) << "what is held stays held";
  EXPECT_TRUE(plan.release(id(3), start));
  EXPECT_EQ(plan.take(start)->entry, id(3));
  EXPECT_TRUE(plan.retry(id(4), start));
  EXPECT_EQ(plan.take(start)->entry, id(4));
  EXPECT_FALSE(plan.take_expired(start + 2h));
  EXPECT_TRUE(plan.remove(id(1)));
  EXPECT_FALSE(plan.find(id(1)));
  for (const bool found :
       {plan.hold(id(1)), plan.release(id(1), start), plan.retry(id(1), start), plan.remove(id(1))}) {
    EXPECT_FALSE(found);
  }
}

TEST(QueuePlan, WhatAnOperatorAsksOfARunningEntryHappensAfterwards) {
  QueuePlan plan({});
  for (std::uint64_t i = 1; i <= 3; ++i) plan.add(id(i), "a.example", start);
  EXPECT_EQ(take_all(plan, start).size(), 3U);
  EXPECT_TRUE(plan.hold(id(1)));
  EXPECT_TRUE(plan.remove(id(2)));
  EXPECT_TRUE(plan.hold(id(3)));
  EXPECT_TRUE(plan.release(id(3), start));
  EXPECT_TRUE(plan.defer(id(1), Health::answered, start, start + 1s));
  EXPECT_FALSE(plan.defer(id(2), Health::answered, start, start + 1s));
  EXPECT_TRUE(plan.defer(id(3), Health::answered, start, start + 1s));
  EXPECT_EQ(plan.find(id(1))->state, State::held);
  EXPECT_FALSE(plan.find(id(2)));
  EXPECT_EQ(take_all(plan, start + 1s), std::vector{id(3)});
}

TEST(QueuePlan, AnOperatorEndsALife) {
  QueuePlan plan({});
  plan.add(id(1), "a.example", start + 1h);
  plan.add_held(id(2), "a.example");
  plan.add(id(3), "a.example", start);
  ASSERT_TRUE(plan.take(start));
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_TRUE(plan.expire(id(i), start));
  EXPECT_FALSE(plan.expire(id(4), start));
  EXPECT_EQ(plan.take_expired(start), id(1));
  EXPECT_EQ(plan.take_expired(start), id(2));
  EXPECT_FALSE(plan.take_expired(start)) << "the third is being tried";
  EXPECT_TRUE(plan.defer(id(3), Health::answered, start, start + 1h));
  EXPECT_EQ(plan.take_expired(start), id(3));
  EXPECT_FALSE(plan.take(start + 2h));
}

TEST(QueuePlan, PausedItHandsOutNothing) {
  QueuePlan plan({});
  plan.add(id(1), "a.example", start);
  plan.add_expiring(id(2), "a.example", start);
  plan.pause(true);
  EXPECT_FALSE(plan.take(start + 1h));
  EXPECT_FALSE(plan.take_expired(start + 1h));
  EXPECT_FALSE(plan.take_more("a.example", start + 1h, 0));
  EXPECT_EQ(plan.next_wakeup(), never);
  plan.pause(false);
  EXPECT_TRUE(plan.take(start + 1h));
  EXPECT_TRUE(plan.take_expired(start + 1h));
}

TEST(QueuePlan, NewSettingsCountForWhatIsHandedOutFromThenOn) {
  QueuePlan plan({.deliveries = 2, .first_window = 2, .largest_window = 2});
  for (std::uint64_t i = 0; i < 10; ++i) plan.add(id(i), "a.example", start);
  EXPECT_EQ(take_all(plan, start).size(), 2U);
  plan.change({.deliveries = 5, .first_window = 1, .largest_window = 1});
  EXPECT_TRUE(take_all(plan, start).empty()) << "more than one are under way there";
  for (std::uint64_t i = 10; i < 20; ++i) plan.add(id(i), std::to_string(i) + ".example", start);
  EXPECT_EQ(take_all(plan, start).size(), 3U);
  plan.change({.deliveries = 50, .first_window = 1, .largest_window = 1});
  EXPECT_EQ(take_all(plan, start).size(), 7U);
  plan.finish(id(0), Health::answered, start);
  EXPECT_TRUE(take_all(plan, start).empty());
  plan.finish(id(1), Health::answered, start);
  EXPECT_EQ(take_all(plan, start).size(), 1U);
}

TEST(QueuePlan, KnowsTheEntriesOfAMessage) {
  QueuePlan plan({});
  plan.add(id(5, 1), "a.example", start);
  plan.add(id(5, 0), "b.example", start);
  plan.add(id(6, 0), "a.example", start);
  EXPECT_EQ(plan.entries_of(MessageId{5}), (std::vector{id(5, 0), id(5, 1)}));
  EXPECT_TRUE(plan.entries_of(MessageId{4}).empty());
}

TEST(QueuePlan, WhatWasLearnedOfADestinationIsKeptForAWhile) {
  QueuePlan plan({.first_window = 4, .remembered_destinations = 2});
  for (const auto* name : {"a.example", "b.example", "c.example"}) {
    plan.add(id(1), name, start);
    ASSERT_TRUE(plan.take(start));
    plan.finish(id(1), Health::throttled, start);
  }
  EXPECT_EQ(plan.destinations(), 2U);
  EXPECT_FALSE(plan.find_destination("a.example"));
  EXPECT_EQ(plan.find_destination("c.example")->window, 2U);
}

TEST(QueuePlan, AnEntryIsSmall) { EXPECT_LE(QueuePlan::octets_per_entry(), 200U); }

}  // namespace
}  // namespace posthorn::rules
