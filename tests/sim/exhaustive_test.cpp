// What the exploration of short histories rests on: of cuts that leave equal states, one run tells of all.
#include "proof/exhaustive.hpp"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

namespace posthorn::proof {
namespace {

/// What happened after the cut.
auto rest_of(const Outcome& outcome, std::uint64_t at) {
  return std::tuple{outcome.events,       outcome.disk_operations - at,
                    outcome.lives,        outcome.accepted,
                    outcome.copies,       outcome.reports,
                    outcome.virtual_time, outcome.violations.size()};
}

TEST(ShortHistories, EqualStatesHaveEqualFutures) {
  constexpr std::uint64_t most_outcomes = 12;
  const auto plan = short_histories(1).at(2);
  const auto operations = simulate(plan).disk_operations;
  std::map<std::uint64_t, decltype(rest_of({}, 0))> futures;
  std::size_t runs = 0;
  for (std::uint64_t at = 30; at <= operations; at += at % 5 == 0 ? 1 : 4) {
    for (const auto mode : {sim::CrashMode::ordered, sim::CrashMode::reordered}) {
      each_outcome(plan, at, mode, most_outcomes, [&](const CutOutcome& outcome) {
        ++runs;
        const auto rest = rest_of(simulate_cut(plan, at, outcome), at);
        const auto [known, is_new] = futures.emplace(outcome.state, rest);
        if (!is_new) EXPECT_EQ(known->second, rest) << "cut at " << at;
      });
    }
  }
  EXPECT_LT(futures.size(), runs) << "nothing was equal: nothing was tried";
}

TEST(ShortHistories, ACutAfterTheTroubleAndInTheStopIsRunToItsEnd) {
  const auto plan = short_histories(1).at(0);
  const auto operations = simulate(plan).disk_operations;
  for (const auto at : {operations - 1, operations}) {
    each_outcome(plan, at, sim::CrashMode::ordered, 1, [&](const CutOutcome& last) {
      const auto outcome = simulate_cut(plan, at, last);
      EXPECT_TRUE(outcome.is_good()) << outcome.line();
      EXPECT_EQ(outcome.power_cuts, 1U);
      EXPECT_EQ(outcome.lives, 2U);
    });
  }
}

}  // namespace
}  // namespace posthorn::proof
