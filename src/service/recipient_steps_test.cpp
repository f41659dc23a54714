#include "service/recipient_steps.hpp"

#include <gtest/gtest.h>

namespace posthorn::service {
namespace {

using namespace std::chrono_literals;
using Status = store::RecipientStatus;
using What = RecipientResult::What;
using Action = OperatorAction;

constexpr WallTime arrival{1'000'000s};
constexpr StepFacts facts{.arrival = arrival, .time = {.wall = arrival + 600s, .known = 1h}};
const rules::RetrySettings retry{.waits = {5min, 10min}, .expire = 1h};

RecipientResult result(What what) {
  return {.recipient = 0, .what = what, .status_code = "4.2.0", .reply = "450 later"};
}

store::RecipientState state_of(Status status) { return {.status = status}; }

AttemptStep attempted(Status before, What what) {
  return after_attempt(state_of(before), facts, result(what), retry, 0);
}

TEST(RecipientSteps, AnAttemptEndsAsItsStateAllows) {
  struct Row {
    Status before;
    What what;
    Status then;
    bool overruled;
  };
  const Row rows[] = {
      {Status::queued, What::delivered, Status::delivered, false},
      {Status::queued, What::failed, Status::failed, false},
      {Status::queued, What::deferred, Status::queued, false},
      {Status::queued, What::unknown, Status::queued, false},
      {Status::held, What::delivered, Status::delivered, false},
      {Status::held, What::failed, Status::failed, false},
      {Status::held, What::deferred, Status::held, false},
      {Status::removed, What::delivered, Status::removed, true},
      {Status::removed, What::failed, Status::removed, true},
      {Status::failed, What::delivered, Status::failed, true},
  };
  for (const auto& row : rows) {
    const auto step = attempted(row.before, row.what);
    EXPECT_EQ(step.state.status, row.then) << int(row.before) << int(row.what);
    EXPECT_EQ(step.is_overruled, row.overruled) << int(row.before) << int(row.what);
  }
}

TEST(RecipientSteps, ADeferralWaitsByTheSchedule) {
  const auto step = attempted(Status::queued, What::deferred);
  EXPECT_EQ(step.state.attempts, 1);
  EXPECT_EQ(step.state.next_attempt, facts.time.wall + 5min);
  EXPECT_EQ(step.state.age, 600s);
  EXPECT_EQ(step.rule, rules::RetryRule::schedule);
}

TEST(RecipientSteps, WaitsOfPartsOfASecondAddUp) {
  auto state = state_of(Status::queued);
  auto now = arrival + 300ms;
  for (int attempt = 0; attempt < 50; ++attempt, now += 200ms) {
    const StepFacts step_facts{.arrival = arrival,
                               .time = {.wall = now, .known = attempt == 0 ? 300ms : 200ms, .is_exact = true}};
    state = after_attempt(state, step_facts, result(What::deferred), retry, 0).state;
    EXPECT_LE(state.age, now - arrival);
  }
  EXPECT_EQ(state.age, 10s) << "10.1 s after it came";
}

TEST(RecipientSteps, NothingExpiresBeforeItsTime) {
  auto before = state_of(Status::queued);
  before.age = 55min;
  before.changed = facts.time.wall - 2min;
  before.attempts = 7;
  const auto last_wait = after_attempt(before, facts, result(What::deferred), retry, 0);
  EXPECT_EQ(last_wait.state.status, Status::queued);
  EXPECT_EQ(last_wait.state.next_attempt, facts.time.wall + 3min + 1s);
  EXPECT_EQ(last_wait.rule, rules::RetryRule::expiry);
  auto facts_then = facts;
  facts_then.time.wall = last_wait.state.next_attempt;
  EXPECT_TRUE(waits_for_its_end(last_wait.state, retry.expire));
  const auto over = after_attempt(last_wait.state, facts_then, result(What::expired), retry, 0);
  EXPECT_EQ(over.state.attempts, last_wait.state.attempts) << "that its life is over is no attempt";
  EXPECT_EQ(over.state.status, Status::failed);
  EXPECT_EQ(over.state.status_code, "5.4.7");
  EXPECT_EQ(over.last_attempt, last_wait.state.changed);
  EXPECT_TRUE(over.is_expired);
}

/// Seed 844: the calendar jumped ahead, and the message was given up although it had waited for seconds.
TEST(RecipientSteps, AJumpOfTheCalendarCountsForNothingWhereTheTimeIsKnown) {
  auto jumped = facts;
  jumped.time = {.wall = arrival + 24h * 3650, .known = 10s, .is_exact = true};
  EXPECT_EQ(after_attempt(state_of(Status::queued), jumped, result(What::deferred), retry, 0).state.age, 10s);
  jumped.time.wall = arrival - 24h;
  EXPECT_EQ(after_attempt(state_of(Status::queued), jumped, result(What::deferred), retry, 0).state.age, 10s);
}

TEST(RecipientSteps, AnEndThatACalendarSetBackMakesTooEarlyIsWaitedFor) {
  auto before = state_of(Status::queued);
  before.age = 55min;
  before.changed = facts.time.wall + 24h;
  before.next_attempt = before.changed + 5min;
  before.attempts = 7;
  const auto waits = after_attempt(before, facts, result(What::expired), retry, 0);
  EXPECT_EQ(waits.state.status, Status::queued);
  EXPECT_EQ(waits.state.age, 55min);
  EXPECT_EQ(waits.state.next_attempt, facts.time.wall + 5min + 1s);
}

// Seed 501040: the record had rotted, and the calendar was set back by more than a year.
TEST(RecipientSteps, ATimeThatIsLeftOfALostStateHoldsNothingUp) {
  auto before = state_of(Status::queued);
  before.next_attempt = facts.time.wall + std::chrono::days{520};
  const auto waits = after_attempt(before, facts, result(What::expired), retry, 0);
  EXPECT_EQ(waits.state.status, Status::queued);
  EXPECT_EQ(waits.state.next_attempt, facts.time.wall + (1h - 600s) + 1s);
}

TEST(RecipientSteps, AWaitThatEndsWithAnAttemptIsToldFromOneThatEndsWithTheLife) {
  EXPECT_FALSE(waits_for_its_end(state_of(Status::queued), retry.expire)) << "never tried";
  EXPECT_FALSE(waits_for_its_end(attempted(Status::queued, What::deferred).state, retry.expire));
}

TEST(RecipientSteps, AJumpOfTheCalendarExpiresNothing) {
  auto jumped = facts;
  jumped.time.wall = arrival + 24h * 3650;
  jumped.time.known = 1min;
  const auto step = after_attempt(state_of(Status::queued), jumped, result(What::deferred), retry, 0);
  EXPECT_EQ(step.state.status, Status::queued);
  EXPECT_EQ(step.state.age, 1min);
}

TEST(RecipientSteps, AnOperatorChangesWhatStillWaits) {
  struct Row {
    Action action;
    Status before;
    bool running;
    std::optional<Status> then;
  };
  const Row rows[] = {
      {Action::hold, Status::queued, false, Status::held},
      {Action::hold, Status::held, false, {}},
      {Action::release, Status::held, false, Status::queued},
      {Action::release, Status::queued, false, {}},
      {Action::retry, Status::queued, false, Status::queued},
      {Action::retry, Status::held, false, {}},
      {Action::remove, Status::queued, true, Status::removed},
      {Action::remove, Status::held, false, Status::removed},
      {Action::expire, Status::queued, false, Status::failed},
      {Action::expire, Status::held, false, Status::failed},
      {Action::expire, Status::queued, true, Status::queued},
      {Action::remove, Status::delivered, false, {}},
      {Action::expire, Status::failed, false, {}},
      {Action::release, Status::removed, false, {}},
  };
  for (const auto& row : rows) {
    const auto then = after_action(row.action, state_of(row.before), facts, retry.expire, row.running);
    EXPECT_EQ(then.has_value(), row.then.has_value()) << name_of(row.action) << int(row.before);
    if (then && row.then) EXPECT_EQ(then->status, *row.then) << name_of(row.action) << int(row.before);
  }
}

TEST(RecipientSteps, AnExpiryDuringAnAttemptIsKeptAsAnAge) {
  const auto then = after_action(Action::expire, state_of(Status::queued), facts, retry.expire, true);
  ASSERT_TRUE(then);
  EXPECT_EQ(after_attempt(*then, facts, result(What::deferred), retry, 0).state.status, Status::failed);
  EXPECT_EQ(after_attempt(*then, facts, result(What::delivered), retry, 0).state.status, Status::delivered);
}

TEST(RecipientSteps, TheTimeOnHoldDoesNotCount) {
  const auto held = after_action(Action::hold, state_of(Status::queued), facts, retry.expire, false);
  auto later = facts;
  later.time.wall += 10h;
  later.time.known = 20h;
  const auto released = after_action(Action::release, *held, later, retry.expire, false);
  EXPECT_EQ(released->age, 600s);
  EXPECT_EQ(released->next_attempt, later.time.wall);
}

}  // namespace
}  // namespace posthorn::service
