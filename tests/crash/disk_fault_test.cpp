// A disk that fails at each write, sync and name in turn, once or for a while; a disk that is full (F4, F5, F6).
#include "histories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace posthorn::testing {
namespace {

using namespace std::chrono_literals;
using sim::DiskOperation;
using store::RecipientStatus;

/// I22: after a write or sync of a segment failed, nothing more is written to that file.
class SealWatch {
 public:
  explicit SealWatch(sim::Disk& disk) : disk_(disk) {
    disk.on_operation([this](const sim::DiskEvent& event) { see(event); });
  }
  ~SealWatch() { disk_.on_operation({}); }
  SealWatch(const SealWatch&) = delete;
  SealWatch& operator=(const SealWatch&) = delete;

  /// The next `times` of these operations on a segment, after `skip` of them, fail.
  void fail(sim::DiskFault fault) {
    fault_ = fault;
    disk_.plan(fault);
  }
  std::string wrong;

 private:
  void see(const sim::DiskEvent& event) {
    const std::string path(event.path);
    const bool is_write = event.operation == DiskOperation::write || event.operation == DiskOperation::sync_data;
    if (event.operation == DiskOperation::remove) failed_.erase(path);
    if (is_write && failed_.contains(path)) wrong += "written or synced after it had failed: " + path + "\n";
    if (event.operation != fault_.operation || !path.contains(fault_.path)) return;
    const bool fails = seen_ >= fault_.skip && seen_ < fault_.skip + fault_.times;
    ++seen_;
    if (fails && is_write && path.contains("/spool/segment-")) failed_.insert(path);
  }

  sim::Disk& disk_;
  sim::DiskFault fault_;
  std::uint64_t seen_ = 0;
  std::set<std::string> failed_;
};

struct FaultRow {
  std::string name;
  DiskOperation operation;
  Error::Kind error;
  std::uint64_t times;
  std::string path;

  friend void PrintTo(const FaultRow& row, std::ostream* out) { *out << row.name; }
};

class DiskFaults : public ::testing::TestWithParam<std::tuple<FaultRow, SpoolHistory>> {
 protected:
  static SpoolHouse::Options options(std::uint64_t seed) { return {.disk = {.seed = seed}, .maintains = true}; }

  /// How often the history does what is to fail.
  static std::uint64_t occasions(const FaultRow& row, const SpoolHistory& history) {
    SpoolHouse house{options(1)};
    std::uint64_t count = 0;
    house.disk.on_operation([&](const sim::DiskEvent& event) {
      if (event.operation == row.operation && event.path.contains(row.path)) ++count;
    });
    SpoolLedger ledger;
    EXPECT_TRUE(live_through(history, house, ledger));
    house.disk.on_operation({});
    return count;
  }

  /// As live_through(), where a start may be refused while the disk fails.
  static void live_with_faults(const SpoolHistory& history, SpoolHouse& house, SpoolLedger& ledger) {
    for (const auto& life : history.lives) {
      for (int refused = 0; !house.start(); ++refused) ASSERT_LT(refused, 4) << house.disk.trace();
      SpoolScribe scribe{house, ledger};
      life(scribe);
      scribe.rest(3s);
      house.kill();
    }
  }
};

TEST_P(DiskFaults, WhatWasAnsweredWithSuccessStaysAndWhatWasRefusedNeverComes) {
  const auto& [row, history] = GetParam();
  const auto count = occasions(row, history);
  for (std::uint64_t at = 0; at < count; ++at) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {  // a failed sync keeps or drops what it covered
      SpoolHouse house{options(seed * 100 + at)};
      SpoolLedger ledger;
      {
        SealWatch watch{house.disk};
        watch.fail({row.operation, row.error, at, row.times, row.path});
        live_with_faults(history, house, ledger);
        ASSERT_EQ(watch.wrong, "") << row.name << " at " << at << "\n" << house.disk.trace();
      }
      house.disk.forget_plan();
      sim::SeededChoice drawn{at};
      house.disk.cut_power();
      ASSERT_TRUE(survives(house.disk.after_power_cut(drawn), ledger)) << row.name << " at " << at << ", seed " << seed;
    }
  }
}

const std::vector<FaultRow>& fault_rows() {
  static const std::vector<FaultRow> rows{
      {"SyncFails", DiskOperation::sync_data, Error::Kind::io, 1, "/spool/segment-"},
      {"SyncFailsThrice", DiskOperation::sync_data, Error::Kind::io, 3, "/spool/segment-"},
      {"AnySyncFails", DiskOperation::sync_data, Error::Kind::io, 1, "/state"},
      {"WriteFails", DiskOperation::write, Error::Kind::io, 1, "/spool/segment-"},
      {"AnyWriteFails", DiskOperation::write, Error::Kind::io, 1, "/state"},
      {"WriteFindsNoSpace", DiskOperation::write, Error::Kind::no_space, 1, "/state"},
      {"WriteFindsNoSpaceForAWhile", DiskOperation::write, Error::Kind::no_space, 4, "/state"},
      {"FolderSyncFails", DiskOperation::sync_folder, Error::Kind::io, 1, "/state"},
      {"RenameFails", DiskOperation::rename, Error::Kind::io, 1, "/state"},
      {"CreateFindsNoSpace", DiskOperation::create_file, Error::Kind::no_space, 1, "/state"},
      {"RemoveFails", DiskOperation::remove, Error::Kind::io, 1, "/state"},
      {"OpenFails", DiskOperation::open_file, Error::Kind::io, 1, "/state"},
      {"ReadFails", DiskOperation::read, Error::Kind::io, 1, "/state"},
  };
  return rows;
}

std::vector<SpoolHistory> histories_for_faults() {
  std::vector<SpoolHistory> chosen;
  for (const auto& history : short_histories()) {
    if (history.name == "GroupCommit" || history.name == "LargeBodies" || history.name == "ThirdLife")
      chosen.push_back(history);
  }
  chosen.push_back(long_histories().at(0));
  return chosen;
}

INSTANTIATE_TEST_SUITE_P(Each, DiskFaults,
                         ::testing::Combine(::testing::ValuesIn(fault_rows()),
                                            ::testing::ValuesIn(histories_for_faults())),
                         [](const auto& row) { return std::get<0>(row.param).name + std::get<1>(row.param).name; });

/// The names of two bodies wait for the same folder; the sync of one fails, and drops both.
TEST(OverlappingBodies, TheSyncOfOneThatFailsSpeaksForTheOtherToo) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SpoolHouse house{{.disk = {.seed = seed}}};
    ASSERT_TRUE(house.start());
    const std::string text(700, 'x');
    const auto first = house.spool().new_id();
    const auto second = house.spool().new_id();
    auto one = house.spool().new_body(first);
    auto two = house.spool().new_body(second);
    ASSERT_TRUE(house.wait_for(one.append(house.loop(), text)));
    ASSERT_TRUE(house.wait_for(two.append(house.loop(), text)));
    house.disk.plan({DiskOperation::sync_folder, Error::Kind::io, 0, 1, "/bodies"});
    EXPECT_FALSE(house.wait_for(one.finish(house.loop())));
    auto body = house.wait_for(two.finish(house.loop()));
    auto message = message_to(second, {"alice@example.org"}, "");
    if (body) message.body = *std::move(body);
    const bool is_stored = body && house.commit(std::move(message));
    house.power_cut();
    ASSERT_TRUE(house.start());
    EXPECT_TRUE(!is_stored || house.text_of(second)) << "seed " << seed;
  }
}

// ---- a disk that fails for long ----

TEST(FailingDisk, IsRefusedAtOnceAndTakesMailAgainByItself) {
  SpoolHouse house{{.maintains = true}};
  ASSERT_TRUE(house.start());
  SpoolLedger ledger;
  SpoolScribe scribe{house, ledger};
  const auto before = scribe.store_one("before\r\n");
  scribe.rest(2s);
  for (const auto operation : {DiskOperation::write, DiskOperation::sync_data}) {
    house.disk.plan({operation, Error::Kind::io, 0, sim::DiskFault::always, "/spool"});
  }
  const auto start = house.loop().now();
  EXPECT_FALSE(house.store("fails\r\n"));
  EXPECT_LE(house.loop().now() - start, house.settings.verdict_wait + 2s) << "a failed commit is answered in time";
  EXPECT_FALSE(house.spool().facts().accepting);
  EXPECT_TRUE(house.log.has("spool.disk_fails"));
  const auto later = house.loop().now();
  EXPECT_FALSE(house.store("fails at once\r\n"));
  EXPECT_LE(house.loop().now() - later, 100ms);
  EXPECT_FALSE(house.record(before, {outcome(0, RecipientStatus::delivered)}));
  EXPECT_EQ(house.text_of(before), "Received: by mx\r\nbefore\r\n") << "what was accepted can still be read";
  house.run_for(30s);
  EXPECT_FALSE(house.spool().facts().accepting);

  house.disk.forget_plan();
  house.run_for(2s);
  EXPECT_TRUE(house.spool().facts().accepting);
  EXPECT_TRUE(house.log.has("spool.disk_works_again"));
  EXPECT_TRUE(house.store("works\r\n"));
  EXPECT_TRUE(house.record(before, {outcome(0, RecipientStatus::delivered)}));
  house.power_cut();
  ASSERT_TRUE(house.start());
  EXPECT_EQ(house.spool().facts().messages, 1U) << "and nothing of what failed";
}

// ---- a full disk ----

/// A house with room for so many segments beyond what it has once it has come to rest.
struct FullHouse {
  explicit FullHouse(std::uint64_t segments_of_room)
      : house({.disk = {.capacity = 4U << 20}, .spool = settings(), .maintains = true}), scribe(house, ledger) {
    EXPECT_TRUE(house.start());
    scribe.rest(3s);
    house.disk.set_capacity(house.disk.used_octets() + segments_of_room * 8192);
    scribe.rest(2s);
  }
  static store::SpoolSettings settings() {
    auto small = small_spool();
    small.largest_message = 4096;
    return small;
  }
  /// Messages until one is refused.
  std::vector<MessageId> fill() {
    std::vector<MessageId> ids;
    for (int i = 0; i < 200; ++i) {
      const auto id = scribe.store_one(std::string(3000, 'x') + "\r\n");
      if (ledger.entries.at(id).standing != SpoolLedger::Standing::stored) break;
      ids.push_back(id);
      scribe.rest(100ms);
    }
    return ids;
  }

  SpoolHouse house;
  SpoolLedger ledger;
  SpoolScribe scribe;
};

class FullDisk : public ::testing::TestWithParam<int> {};

TEST_P(FullDisk, RefusesMailFinishesWhatItHasAndAcceptsAgain) {
  FullHouse full{static_cast<std::uint64_t>(GetParam())};
  const auto ids = full.fill();
  ASSERT_LT(ids.size(), 200U) << "the disk is full at some time";
  EXPECT_EQ(full.house.spool().facts().accepting, false);
  EXPECT_EQ(full.house.spool().facts().why, Error::Kind::no_space);
  // Deferrals may be refused when they would take what is needed to end messages.
  for (int round = 0; round < 3; ++round) {
    for (const auto id : ids) {
      full.scribe.record(id, {outcome(0, RecipientStatus::queued, std::string(200, 'r'))});
      const auto& answer = *full.scribe.last_answer;
      ASSERT_TRUE(answer || answer.error().kind == Error::Kind::no_space) << answer.error().text;
    }
  }
  // An empty spool has the room it started with: mail comes in again within five seconds.
  for (const auto id : ids) {
    full.scribe.finish({id});
    ASSERT_TRUE(full.scribe.last_answer && *full.scribe.last_answer) << (*full.scribe.last_answer).error().text;
  }
  full.scribe.rest(5s);
  EXPECT_TRUE(full.house.spool().facts().accepting) << full.house.disk.trace();
  EXPECT_FALSE(full.fill().empty());
  full.house.kill();
  full.house.disk.cut_power();
  sim::LoseAll nothing_else;
  auto after = full.house.disk.after_power_cut(nothing_else);
  EXPECT_TRUE(survives(std::move(after), full.ledger, false));
}

INSTANTIATE_TEST_SUITE_P(SegmentsOfRoom, FullDisk, ::testing::Values(3, 4, 6, 9, 17),
                         ::testing::PrintToStringParamName());

TEST(FullDiskAgain, TakesMailWithinFiveSecondsOfRoom) {
  FullHouse full{6};
  (void)full.fill();
  EXPECT_FALSE(full.house.spool().facts().accepting);
  full.house.disk.set_capacity(4U << 20);
  full.scribe.rest(5s);
  EXPECT_TRUE(full.house.spool().facts().accepting);
  EXPECT_TRUE(full.house.store("room\r\n"));
}

/// F6: compaction that cannot finish is put off and harms nothing.
TEST(FullDiskAgain, CompactionThatFindsNoRoomLosesNothing) {
  for (std::uint64_t room = 0; room < 8; ++room) {
    FullHouse full{3 + room};
    auto ids = full.fill();
    std::vector<MessageId> gone;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i % 3 != 0) gone.push_back(ids[i]);
    }
    full.scribe.finish(gone);
    full.scribe.rest(40s);
    EXPECT_EQ(full.ledger.judge(full.house), "") << "with room for " << room << " segments";
    full.house.kill();
    full.house.disk.cut_power();
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      sim::SeededChoice drawn{seed};
      ASSERT_TRUE(survives(full.house.disk.after_power_cut(drawn), full.ledger, false)) << "room " << room;
    }
  }
}

}  // namespace
}  // namespace posthorn::testing
