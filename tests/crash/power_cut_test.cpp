// The power goes at every operation of short histories, with every outcome of what was not synced that the disk may
// choose (F1, F2, F3); then it goes again while the spool recovers, up to ten times (F52).
#include "histories.hpp"

#include <gtest/gtest.h>

namespace posthorn::testing {
namespace {

constexpr std::uint64_t most_combinations = 96;  // of one cut; where there are more, seeds draw among them
constexpr std::uint64_t seeds_beyond = 16;

struct Cut {
  std::unique_ptr<SpoolHouse> house;
  SpoolLedger ledger;
};

class PowerCut : public ::testing::TestWithParam<SpoolHistory> {
 protected:
  ~PowerCut() override { RecordProperty("states", std::to_string(states)); }

  static std::unique_ptr<SpoolHouse> house_for(const SpoolHistory& history, sim::CrashMode mode) {
    return std::make_unique<SpoolHouse>(SpoolHouse::Options{.disk = {.mode = mode}, .maintains = history.maintains});
  }

  /// How many operations the whole history takes.
  static std::uint64_t length_of(const SpoolHistory& history) {
    const auto house = house_for(history, sim::CrashMode::reordered);
    const auto before = house->disk.operations();
    SpoolLedger ledger;
    EXPECT_TRUE(live_through(history, *house, ledger));
    return house->disk.operations() - before;
  }

  static Cut cut_at(const SpoolHistory& history, sim::CrashMode mode, std::uint64_t operation) {
    Cut cut{house_for(history, mode), {}};
    cut.house->disk.cut_power_at(cut.house->disk.operations() + operation);
    EXPECT_FALSE(live_through(history, *cut.house, cut.ledger)) << "the history is the same each time";
    cut.house->kill();
    return cut;
  }

  void expect_survives(std::unique_ptr<sim::Disk> disk, const SpoolLedger& ledger, const std::string& what) {
    ++states;
    ASSERT_TRUE(survives(std::move(disk), ledger, states % 4 == 0)) << what;
  }

  std::uint64_t states = 0;
};

TEST_P(PowerCut, AnywhereWithEveryOutcomeLosesAndInventsNothing) {
  const auto length = length_of(GetParam());
  for (std::uint64_t operation = 1; operation <= length; ++operation) {
    const auto cut = cut_at(GetParam(), sim::CrashMode::reordered, operation);
    const auto what = "cut at operation " + std::to_string(operation) + " of " + std::to_string(length);
    sim::ExhaustiveChoice choice;
    bool is_done = false;
    while (!is_done && choice.combinations_seen() <= most_combinations) {
      expect_survives(cut.house->disk.after_power_cut(choice), cut.ledger,
                      what + ", combination " + std::to_string(choice.combinations_seen()));
      if (HasFatalFailure()) return;
      is_done = !choice.next();
    }
    for (std::uint64_t seed = 0; seed < (is_done ? 2 : seeds_beyond); ++seed) {
      sim::SeededChoice drawn{operation * 1000 + seed};
      expect_survives(cut.house->disk.after_power_cut(drawn), cut.ledger, what + ", seed " + std::to_string(seed));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(PowerCut, InEachOrderThatDisksKeep) {
  const auto length = length_of(GetParam());
  for (const auto mode : {sim::CrashMode::ordered, sim::CrashMode::prefix, sim::CrashMode::delayed_allocation}) {
    for (std::uint64_t operation = 1; operation <= length; ++operation) {
      const auto cut = cut_at(GetParam(), mode, operation);
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        sim::SeededChoice drawn{operation * 1000 + seed};
        expect_survives(cut.house->disk.after_power_cut(drawn), cut.ledger,
                        std::string(to_text(mode)) + ", cut at operation " + std::to_string(operation) + ", seed " +
                            std::to_string(seed));
        if (HasFatalFailure()) return;
      }
    }
  }
}

/// Each round starts what the last one left, and is cut off somewhere in its start or shortly behind.
TEST_P(PowerCut, AgainAndAgainWhileItRecovers) {
  const auto length = length_of(GetParam());
  for (std::uint64_t operation = 3; operation <= length; operation += 3) {
    auto cut = cut_at(GetParam(), sim::CrashMode::reordered, operation);
    sim::SeededChoice drawn{operation};
    auto disk = cut.house->disk.after_power_cut(drawn);
    for (int round = 0; round < 10; ++round) {
      SpoolHouse house{{.maintains = GetParam().maintains}, std::move(disk)};
      house.disk.cut_power_at(house.disk.operations() + 1 + drawn.pick(24));
      const auto started = house.start();
      ASSERT_TRUE(started || house.disk.power_is_off()) << started.error().text << house.disk.trace();
      if (started) {
        SpoolScribe scribe{house, cut.ledger};
        if (!scribe.is_dark()) {
          const auto wrong = cut.ledger.judge(house);
          ASSERT_TRUE(house.disk.power_is_off() || wrong.empty()) << wrong << house.disk.trace();
        }
        (void)scribe.store_one("in round " + std::to_string(round) + "\r\n");
      }
      house.kill();
      house.disk.cut_power();
      disk = house.disk.after_power_cut(drawn);
    }
    expect_survives(std::move(disk), cut.ledger, "first cut at operation " + std::to_string(operation));
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Short, PowerCut, ::testing::ValuesIn(short_histories()),
                         [](const auto& row) { return row.param.name; });
INSTANTIATE_TEST_SUITE_P(Long, PowerCut, ::testing::ValuesIn(long_histories()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace posthorn::testing
