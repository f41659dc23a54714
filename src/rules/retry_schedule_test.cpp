#include "rules/retry_schedule.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace posthorn::rules {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t least = 0;
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

TEST(RetrySchedule, EachFailedAttemptHasItsWaitAndTheLastRepeats) {
  const RetrySettings settings;
  struct Row {
    unsigned attempts;
    Duration wait;
  };
  for (const auto& [attempts, wait] :
       {Row{1, 5min}, Row{2, 10min}, Row{3, 20min}, Row{4, 40min}, Row{5, 1h}, Row{6, 1h}, Row{4'000'000'000U, 1h}}) {
    const auto step = next_step(settings, {.attempts = attempts}, 1h, least);
    EXPECT_EQ(step, (NextStep{NextStep::Action::attempt, wait, RetryRule::schedule})) << attempts;
  }
}

TEST(RetrySchedule, ChanceAddsAtMostAQuarterAndTakesNothingAway) {
  const RetrySettings settings;
  for (const std::uint64_t random : {least, most / 3, most / 2, most}) {
    const auto wait = next_step(settings, {.attempts = 5}, 1h, random).wait;
    EXPECT_GE(wait, 1h);
    EXPECT_LE(wait, 75min);
  }
  EXPECT_GT(next_step(settings, {.attempts = 5}, 1h, most).wait, 74min);
}

TEST(RetrySchedule, KnowsWhatChanceHasAddedToAWait) {
  const RetrySettings settings;
  for (const std::uint64_t random : {least, most / 3, most}) {
    for (const auto& deferral :
         {Deferral{.attempts = 2}, Deferral{.attempts = 9}, Deferral{.attempts = 2, .outcome_unknown = true},
          Deferral{.attempts = 1, .named_wait = 90s}, Deferral{.attempts = 1, .named_wait = 320s}}) {
      const auto without = next_step(settings, deferral, 1h, least).wait;
      const auto with = next_step(settings, deferral, 1h, random).wait;
      const Deferral known{.attempts = deferral.attempts, .named_wait = deferral.named_wait};
      EXPECT_EQ(chance_in(settings, known, with), with - without);
    }
  }
  EXPECT_EQ(chance_in(settings, {.attempts = 2}, 9min), 0s) << "a wait of other settings";
  EXPECT_EQ(chance_in(settings, {.attempts = 2}, 13min), 0s);
}

TEST(RetrySchedule, AnUnknownOutcomeWaitsTwiceTheTimeOfItsStep) {
  const RetrySettings settings;
  EXPECT_EQ(next_step(settings, {.attempts = 2, .outcome_unknown = true}, 1h, least),
            (NextStep{NextStep::Action::attempt, 20min, RetryRule::outcome_unknown}));
}

TEST(RetrySchedule, ANamedWaitIsObeyedShorterOrLonger) {
  const RetrySettings settings;
  struct Row {
    const char* name;
    unsigned attempts;
    Duration named;
    Duration wait;
    RetryRule rule;
  };
  for (const auto& row : {
           Row{"longer", 1, 30min, 30min, RetryRule::named_by_peer},
           Row{"shorter", 4, 90s, 90s, RetryRule::named_by_peer},
           Row{"not for ever at the peer's pace", 6, 90s, 1h, RetryRule::schedule},
           Row{"longer, also late", 60, 2h, 2h, RetryRule::named_by_peer},
           Row{"nothing is a second", 1, 0s, 1s, RetryRule::named_by_peer},
           Row{"held to the longest", 1, std::chrono::days{400}, std::chrono::days{1}, RetryRule::named_by_peer},
       }) {
    const auto step = next_step(settings, {.attempts = row.attempts, .named_wait = row.named}, 1h, least);
    EXPECT_EQ(step, (NextStep{NextStep::Action::attempt, row.wait, row.rule})) << row.name;
  }
}

TEST(RetrySchedule, AMessageIsGivenUpWhenItsLifeIsOverAndNotBefore) {
  RetrySettings settings;
  settings.expire = 24h;
  struct Row {
    const char* name;
    Duration age;
    Duration wait;
  };
  for (const auto& [name, age, wait] :
       {Row{"no time for another attempt", 23h + 30min, 30min}, Row{"an attempt at the very end is none", 23h, 1h},
        Row{"over", 24h, 0s}, Row{"long over", 1'000h, 0s}}) {
    EXPECT_EQ(next_step(settings, {.attempts = 9}, age, least),
              (NextStep{NextStep::Action::give_up, wait, RetryRule::expiry}))
        << name;
  }
  EXPECT_EQ(next_step(settings, {.attempts = 9}, 22h, least).action, NextStep::Action::attempt);
}

TEST(RetrySchedule, ANegativeAgeIsYoung) { EXPECT_EQ(next_step(RetrySettings{}, {}, -1h, least).wait, 5min); }

TEST(RetrySchedule, ImmenseSettingsDoNotOverflow) {
  RetrySettings settings;
  settings.waits = {Duration::max()};
  settings.expire = Duration::max();
  EXPECT_GT(next_step(settings, {.attempts = 1, .outcome_unknown = true}, 0s, most).wait, std::chrono::days{365});
}

TEST(NamedWait, IsReadInTheWordsOfGreylistingServers) {
  struct Row {
    const char* text;
    Duration wait;
  };
  for (const auto& [text, wait] : {
           Row{"4.2.0 <a@example.org>: Recipient address rejected: Greylisted for 120 seconds (see http://x.example/h)",
               120s},
           Row{"Greylisted, please try again in 300 seconds", 300s},
           Row{"4.7.1 Greylisting in action, please come back in 00:05:00", 5min},
           Row{"4.7.1 come back in 04:30", 270s},
           Row{"Temporarily deferred, try again in 5 minutes.", 5min},
           Row{"4.7.1 You are greylisted: retry in 1 hour", 1h},
           Row{"please try again in 5min", 5min},
           Row{"Please wait 10 more minutes", 10min},
           Row{"try again in 1 hour, 30 minutes", 90min},
           Row{"try again in 1h30m", 90min},
           Row{"try again in 2 minute(s)", 2min},
           Row{"4.7.1 policy; retry=120", 120s},
           Row{"Retry-After: 60", 60s},
           Row{"retry after 45 seconds", 45s},
           Row{"GRAYLISTED FOR 90 SECS", 90s},
           Row{"delayed for 1 day", std::chrono::days{1}},
           Row{"host 10.0.0.1 is greylisted for 25 seconds", 25s},
           Row{"4.7.0 [192.0.2.7 12] try again 15-minute window", 15min},
       }) {
    const auto found = named_wait(text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(*found, wait) << text;
  }
}

TEST(NamedWait, OtherTextNamesNone) {
  for (const auto* text :
       {"", "4.2.0 Greylisted", "4.7.1 Service unavailable - try again later", "Greylisted, see http://example.org/300",
        "4.3.2 at most 20 messages in 60 seconds", "5 minutes", "try again", "try again later (code x300 seconds)",
        "try again in 99999999999999999999 seconds", "retry 3 of 5", "try again in 1.5 hours",
        "try again from 192.0.2.1 please", "greylisted 4.7.1", "retry-id 12345"}) {
    EXPECT_FALSE(named_wait(text)) << text;
  }
}

TEST(NamedWait, IsBounded) {
  EXPECT_EQ(named_wait("try again in 999999999 days"), std::chrono::seconds{10LL * 365 * 86'400});
  EXPECT_FALSE(named_wait("try again " + std::string(100'000, 'x') + " 5 minutes"));
}

TEST(MessageAge, RunsEvenlyAndNeverBackwards) {
  const MessageAge age{2h, MonotonicTime{1h}};
  EXPECT_EQ(age.at(MonotonicTime{1h}), 2h);
  EXPECT_EQ(age.at(MonotonicTime{2h}), 3h);
  EXPECT_EQ(age.at(MonotonicTime{}), 2h);
}

TEST(WaitLeft, StaysWithinTheWholeWaitWhereverTheCalendarJumped) {
  const WallTime began{1'000'000s};
  const WallTime due = began + 600s;
  struct Row {
    const char* name;
    WallTime now;
    Duration left;
  };
  for (const auto& [name, now, left] : {Row{"in the middle", began + 400s, 200s}, Row{"over", due + 1s, 0s},
                                        Row{"ten years later", began + 87'600h, 0s},
                                        Row{"an hour back", began - 1h, 600s}, Row{"in 1970", WallTime{}, 600s}}) {
    EXPECT_EQ(wait_left(began, due, now), left) << name;
  }
  EXPECT_EQ(wait_left(due, began, began - 1h), 0s) << "a record that makes no sense";
}

}  // namespace
}  // namespace posthorn::rules
