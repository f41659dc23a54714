// Delivery into numbered mailboxes on the simulated disk: numbers, states, repeats, faults, and power cuts everywhere.
#include "store/numbered.hpp"
#include "sim/shared_files.hpp"
#include "support/mailbox_rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace posthorn::store {
namespace {

using testing::CrashRig;
using testing::delivery_name;
using testing::stored_text;

std::set<int> start(sim::Disk& disk, const std::vector<int>& batch, bool may_be_repeat) {
  sim::SharedFiles files;
  NumberedFormat format{disk, files, {.root = "/mail", .account = {1000, 1000}}};
  const auto mailbox = format.open({mail::UserName::parse("alice").value()});
  return mailbox ? testing::deliver_batch(**mailbox, batch, may_be_repeat) : std::set<int>{};
}

std::string path(std::string_view name) { return "/mail/alice/" + std::string(name); }

std::vector<std::string> plain_names(const sim::Disk& disk) {
  std::vector<std::string> names;
  for (const auto& name : disk.tree("/mail/alice")) {
    const auto plain = name.substr(path("").size());
    if (!plain.starts_with('.')) names.push_back(plain);
  }
  return names;
}

class NumberedTest : public ::testing::Test {
 protected:
  NumberedTest() { EXPECT_TRUE(disk.make_root("/mail", 0755)); }

  sim::Disk disk;
};

TEST_F(NumberedTest, NamesAreTheOrderOfArrivalAndTheStateStandsBeside) {
  EXPECT_EQ(start(disk, {7}, false).size(), 1U);
  EXPECT_EQ(start(disk, {5, 6}, false).size(), 2U);
  EXPECT_EQ(plain_names(disk),
            (std::vector<std::string>{"1.status", "1.txt", "2.status", "2.txt", "3.status", "3.txt"}));
  EXPECT_EQ(disk.contents(path("1.txt")), stored_text(7));
  EXPECT_EQ(disk.contents(path("2.txt")), stored_text(5));
  EXPECT_EQ(disk.contents(path("3.txt")), stored_text(6));
  EXPECT_EQ(disk.contents(path("1.status")), "recent\nunseen\nid 0000000000007\nname 1.M1P1Q7.host\n");
  EXPECT_EQ(disk.tree("/mail/alice").size(), 8U) << "the two and .lock and .last";
}

TEST_F(NumberedTest, ANumberIsNeverGivenAgain) {
  EXPECT_EQ(start(disk, {1, 2}, false).size(), 2U);
  ASSERT_TRUE(disk.erase(path("2.txt")));
  ASSERT_TRUE(disk.erase(path("2.status")));
  EXPECT_EQ(start(disk, {3}, false).size(), 1U);
  EXPECT_EQ(disk.contents(path("3.txt")), stored_text(3));
  EXPECT_EQ(disk.contents(path("2.txt")), std::nullopt);
}

TEST_F(NumberedTest, WithoutItsMemoryItLooksAtTheFiles) {
  for (const auto* memory : {"", "rubbish\n", "00000000000000000000\n", "99999999999999999999\n", "-3\n"}) {
    sim::Disk other;
    ASSERT_TRUE(other.make_root("/mail/alice", 0700));
    for (const auto* name : {"9.txt", "12.status", "013.txt", "99999999999999999999.txt", "x.txt", "14.txt.bak"}) {
      ASSERT_TRUE(other.plant_file(path(name), ""));
    }
    ASSERT_TRUE(other.plant_file(path(".last"), memory));
    EXPECT_EQ(start(other, {1}, false).size(), 1U);
    EXPECT_EQ(other.contents(path("13.txt")), stored_text(1)) << memory;
  }
}

TEST_F(NumberedTest, NothingIsWrittenOver) {
  ASSERT_TRUE(disk.plant_folder("/mail/alice"));
  ASSERT_TRUE(disk.plant_file(path("1.txt"), "somebody's"));
  ASSERT_TRUE(disk.plant_file(path("2.status"), "somebody's"));
  ASSERT_TRUE(disk.plant_file(path(".last"), "00000000000000000000\n"));
  ASSERT_TRUE(disk.plant_link(path("3.txt"), "/elsewhere"));
  EXPECT_EQ(start(disk, {1}, false).size(), 1U);
  EXPECT_EQ(disk.contents(path("1.txt")), "somebody's");
  EXPECT_EQ(disk.contents(path("2.status")), "somebody's");
  EXPECT_EQ(disk.contents(path("4.txt")), stored_text(1));
}

TEST_F(NumberedTest, ARepeatFindsItsNumberAndKeepsItsState) {
  EXPECT_EQ(start(disk, {1, 2}, false).size(), 2U);
  ASSERT_TRUE(disk.erase(path("1.status")));
  ASSERT_TRUE(disk.plant_file(path("1.status"), "seen\nanswered\nid 0000000000001\nname 1.M1P1Q1.host\n"));
  EXPECT_EQ(start(disk, {1, 3}, true).size(), 2U);
  EXPECT_EQ(plain_names(disk),
            (std::vector<std::string>{"1.status", "1.txt", "2.status", "2.txt", "3.status", "3.txt"}));
  EXPECT_EQ(disk.contents(path("1.status")), "seen\nanswered\nid 0000000000001\nname 1.M1P1Q1.host\n");
  EXPECT_EQ(disk.contents(path("3.txt")), stored_text(3));
}

TEST_F(NumberedTest, AHeldMailboxDefersAfterTheWait) {
  EXPECT_EQ(start(disk, {1}, false).size(), 1U);
  auto held = disk.open_root("/mail/alice").value()->lock(".lock").value();
  sim::SharedFiles files;
  NumberedFormat format{disk, files, {.root = "/mail", .account = {1000, 1000}}};
  const auto mailbox = format.open({mail::UserName::parse("alice").value()}).value();
  auto staged = mailbox->stage(testing::incoming(2, false)).value();
  ASSERT_TRUE(staged->finish());
  std::array<PendingMail*, 1> one{staged.get()};
  EXPECT_EQ(mailbox->publish(one).front().error().kind, Error::Kind::in_use);
  staged.reset();
  EXPECT_EQ(disk.tree("/mail/alice").size(), 4U) << "nothing is left behind";
}

TEST_F(NumberedTest, ForSystemUsersEveryFileIsGivenToThem) {
  disk.set_account(0, 0);
  ASSERT_TRUE(disk.change_owner("/mail", 0, 0));
  sim::SharedFiles files;
  NumberedFormat format{disk, files, {.root = "/mail", .account = {0, 0}}};
  const auto mailbox = format.open({mail::UserName::parse("alice").value(), MailboxOwner{2000, 100}}).value();
  EXPECT_EQ(testing::deliver_batch(*mailbox, {1}, false).size(), 1U);
  auto folder = disk.open_root("/mail/alice").value();
  for (const auto& entry : folder->list().value()) {
    EXPECT_EQ(folder->facts(entry.name).value().user, 2000U) << entry.name;
  }
}

TEST_F(NumberedTest, AFailureAnywhereIsReportedAndTheRepeatLeavesNoGap) {
  using enum sim::DiskOperation;
  for (const auto operation : {create_file, write, sync_data, sync_folder, rename, lock, open_file, facts}) {
    for (std::uint64_t nth = 0; nth < 12; ++nth) {
      for (std::uint64_t seed = 0; seed < 4; ++seed) {
        sim::Disk other{{.seed = seed}};
        ASSERT_TRUE(other.make_root("/mail", 0755));
        EXPECT_EQ(start(other, {1}, false).size(), 1U);
        other.plan({.operation = operation, .skip = nth, .path = "/mail/alice"});
        auto answered = start(other, {2, 3}, false);
        other.forget_plan();
        for (const int number : {2, 3}) {
          if (!answered.contains(number)) answered.merge(start(other, {number}, true));
        }
        EXPECT_EQ(answered.size(), 2U);
        sim::LoseAll nothing_else;
        const auto after = other.after_power_cut(nothing_else);
        EXPECT_EQ(plain_names(*after),
                  (std::vector<std::string>{"1.status", "1.txt", "2.status", "2.txt", "3.status", "3.txt"}))
            << "failed: " << to_text(operation) << " " << nth << ", seed " << seed << "\n"
            << other.trace();
        ASSERT_FALSE(HasFailure());
      }
    }
  }
}

// ---- power cuts ----

class NumberedCrashTest : public ::testing::TestWithParam<testing::History> {
 protected:
  /// Each message once, whole, under consecutive numbers, each with its status.
  [[nodiscard]] ::testing::AssertionResult is_in_order(const sim::Disk& disk) const {
    std::multiset<std::string> found;
    std::multiset<std::string> wanted;
    std::size_t number = 0;
    for (const int mail : rig.all()) {
      ++number;
      wanted.insert(stored_text(mail));
      const auto text = disk.contents(path(std::to_string(number) + ".txt"));
      const auto status = disk.contents(path(std::to_string(number) + ".status"));
      if (!text || !status || !status->starts_with("recent\nunseen\n")) {
        return ::testing::AssertionFailure() << "number " << number << " is not whole\n" << disk.trace();
      }
      found.insert(*text);
    }
    if (found != wanted || plain_names(disk).size() != 2 * number) {
      return ::testing::AssertionFailure() << "lost, doubled or altered\n" << disk.trace();
    }
    return ::testing::AssertionSuccess();
  }

  [[nodiscard]] ::testing::AssertionResult keeps(const sim::Disk& disk, const std::set<int>& answered) const {
    std::set<std::string> found;
    for (const auto& name : plain_names(disk)) {
      if (name.ends_with(".txt")) found.insert(disk.contents(path(name)).value_or(""));
    }
    for (const int number : answered) {
      if (!found.contains(stored_text(number)))
        return ::testing::AssertionFailure() << number << " is lost\n" << disk.trace();
    }
    return ::testing::AssertionSuccess();
  }

  void finish(sim::Disk& disk, const std::set<int>& answered) const {
    EXPECT_TRUE(keeps(disk, answered));
    static_cast<void>(rig.repeat(disk, answered));
    EXPECT_TRUE(is_in_order(disk));
  }

  CrashRig rig{GetParam(), start};
};

TEST_P(NumberedCrashTest, ACutAnywhereLosesAndDoublesNothingAndLeavesNoGap) {
  rig.each_cut([this](const sim::Disk& disk, const std::set<int>& answered, std::uint64_t cut) {
    sim::ExhaustiveChoice choice;
    do {
      finish(*disk.after_power_cut(choice), answered);
      ASSERT_FALSE(HasFailure()) << "cut at operation " << cut;
    } while (choice.next() && choice.combinations_seen() < 3'000);
  });
}

TEST_P(NumberedCrashTest, ASecondCutWhileRepeatingDoesNoHarmEither) {
  rig.each_cut([this](const sim::Disk& cut_disk, const std::set<int>& answered, std::uint64_t cut) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      sim::SeededChoice choice{seed};
      const auto disk = cut_disk.after_power_cut(choice);
      disk->cut_power_at(disk->operations() + 1 + choice.pick(20));
      auto by_now = answered;
      by_now.merge(rig.repeat(*disk, answered));
      disk->cut_power();
      disk->reboot(choice);
      finish(*disk, by_now);
      ASSERT_FALSE(HasFailure()) << "cut at operation " << cut << ", seed " << seed;
    }
  });
}

TEST_P(NumberedCrashTest, AKilledProcessAndThenAPowerCutLoseNothing) {
  rig.each_cut([this](sim::Disk& disk, std::set<int> answered, std::uint64_t cut) {
    disk.restart();
    answered.merge(rig.repeat(disk, answered));
    EXPECT_EQ(answered.size(), rig.history().batch.size());
    sim::LoseAll nothing_else;
    disk.cut_power();
    disk.reboot(nothing_else);
    ASSERT_TRUE(is_in_order(disk)) << "killed at operation " << cut;
  });
}

TEST_P(NumberedCrashTest, ANumberThatAReaderSawAndRemovedIsNotGivenAgain) {
  rig.each_cut([this](const sim::Disk& cut_disk, const std::set<int>& answered, std::uint64_t cut) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      sim::SeededChoice choice{seed};
      const auto disk = cut_disk.after_power_cut(choice);
      std::set<std::string> seen;
      for (const auto& name : plain_names(*disk)) {
        if (!name.ends_with(".txt")) continue;
        seen.insert(name);
        ASSERT_TRUE(disk->erase(path(name)));
        disk->erase(path(name.substr(0, name.size() - 4) + ".status"));
      }
      static_cast<void>(rig.repeat(*disk, answered));
      for (const auto& name : plain_names(*disk)) {
        EXPECT_FALSE(seen.contains(name)) << name << ", cut at operation " << cut << ", seed " << seed << "\n"
                                          << disk->trace();
      }
      ASSERT_FALSE(HasFailure());
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Histories, NumberedCrashTest, ::testing::ValuesIn(testing::short_histories()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace posthorn::store
