// Delivery into an mbox on the simulated disk: its text, its locks, what others did to it, faults, and power cuts everywhere.
#include "store/mbox.hpp"
#include "sim/shared_files.hpp"
#include "support/mailbox_rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace posthorn::store {
namespace {

using testing::CrashRig;
using testing::stored_text;

constexpr std::string_view mbox = "/mail/alice/mbox";
constexpr std::string_view from = "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n";

std::set<int> start(sim::Disk& disk, const std::vector<int>& batch, bool may_be_repeat) {
  sim::SharedFiles files;
  MboxFormat format{disk, files, {.root = "/mail", .account = {1000, 1000}}};
  const auto mailbox = format.open({mail::UserName::parse("alice").value()});
  return mailbox ? testing::deliver_batch(**mailbox, batch, may_be_repeat) : std::set<int>{};
}

std::string entry_of(int number) { return std::string(from) + stored_text(number) + "\n"; }

/// The messages in it, sorted; what is none is a text of its own.
std::multiset<std::string> messages(const sim::Disk& disk) {
  auto text = disk.contents(std::string(mbox)).value_or("");
  std::multiset<std::string> found;
  while (!text.empty()) {
    const auto next = text.find("\nFrom ", 1);
    const auto size = next == std::string::npos ? text.size() : next + 1;
    found.insert(text.substr(0, size));
    text.erase(0, size);
  }
  return found;
}

::testing::AssertionResult holds_exactly(const sim::Disk& disk, const std::vector<int>& numbers) {
  std::multiset<std::string> wanted;
  for (const int number : numbers) wanted.insert(entry_of(number));
  const auto found = messages(disk);
  if (found == wanted) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << found.size() << " for " << wanted.size() << " messages, or altered\n"
                                       << disk.trace();
}

class MboxTest : public ::testing::Test {
 protected:
  MboxTest() { EXPECT_TRUE(disk.make_root("/mail", 0755)); }

  /// One message of this text; what the mailbox says.
  Result<> deliver(std::string_view text, MailboxSettings settings = {.root = "/mail", .account = {1000, 1000}}) {
    MboxFormat format{disk, files, std::move(settings)};
    auto mailbox = format.open({mail::UserName::parse("alice").value()});
    if (!mailbox) return failure(mailbox.error());
    auto mail = testing::incoming(1, false);
    mail.sender = mail::Address::parse("a@b.example").value();
    auto staged = (*mailbox)->stage(std::move(mail));
    if (!staged) return failure(staged.error());
    if (auto put = (*staged)->append(text); !put) return put;
    if (auto done = (*staged)->finish(); !done) return done;
    std::array<PendingMail*, 1> one{staged->get()};
    return (*mailbox)->publish(one).front();
  }
  [[nodiscard]] std::string whole() const { return disk.contents(std::string(mbox)).value_or("?"); }

  sim::Disk disk;
  sim::SharedFiles files;
};

TEST_F(MboxTest, OneStandsBehindTheOther) {
  EXPECT_EQ(start(disk, {1, 2}, false).size(), 2U);
  EXPECT_EQ(start(disk, {3}, false).size(), 1U);
  EXPECT_EQ(whole(), entry_of(1) + entry_of(2) + entry_of(3));
  EXPECT_EQ(disk.tree("/mail/alice"), std::vector<std::string>{std::string(mbox)})
      << "no lock and nothing else is left";
}

TEST_F(MboxTest, LinesThatBeginWithFromAreQuoted) {
  EXPECT_TRUE(deliver("Subject: x\r\n\r\nFrom here\r\n>From there\r\nFromage\r\n>> From\r\n From\r\n>>From on"));
  EXPECT_EQ(
      whole(),
      "From a@b.example Thu Jan  1 00:00:00 1970\nSubject: x\n\n>From here\n>>From there\nFromage\n>> From\n From\n"
      ">>>From on\n\n");
}

TEST_F(MboxTest, WhatOthersLeftUnendedIsEndedFirst) {
  for (const auto& [theirs, ended] :
       {std::pair{"From x\n\ntext", "From x\n\ntext\n\n"}, {"From x\n\ntext\n", "From x\n\ntext\n\n"}, {"", ""}}) {
    disk.erase("/mail/alice");
    ASSERT_TRUE(disk.plant_folder("/mail/alice"));
    ASSERT_TRUE(disk.plant_file(std::string(mbox), theirs));
    EXPECT_EQ(start(disk, {1}, false).size(), 1U);
    EXPECT_EQ(whole(), ended + entry_of(1));
  }
}

TEST_F(MboxTest, ARepeatIsFoundWhereItStandsAlsoMarkedByAReader) {
  EXPECT_EQ(start(disk, {1, 2}, false).size(), 2U);
  auto text = entry_of(1) + entry_of(2);
  text.insert(text.find("\n\nx"), "\nStatus: RO");
  ASSERT_TRUE(disk.erase(std::string(mbox)));
  ASSERT_TRUE(disk.plant_file(std::string(mbox), text));
  EXPECT_EQ(start(disk, {1, 2, 3}, true).size(), 3U);
  EXPECT_EQ(whole(), text + entry_of(3));
}

TEST_F(MboxTest, HeldByEitherLockItDefers) {
  EXPECT_EQ(start(disk, {1}, false).size(), 1U);
  auto folder = disk.open_root("/mail/alice").value();
  auto held = folder->lock("mbox").value();
  EXPECT_EQ(deliver("x").error().kind, Error::Kind::in_use);
  held.reset();
  ASSERT_TRUE(disk.plant_file("/mail/alice/mbox.lock", "4711"));
  EXPECT_EQ(deliver("x").error().kind, Error::Kind::in_use);
  EXPECT_EQ(whole(), entry_of(1));
  ASSERT_TRUE(disk.erase("/mail/alice/mbox.lock"));
  ASSERT_TRUE(disk.plant_file("/mail/alice/mbox.lock", "posthorn\n"));
  EXPECT_TRUE(deliver("x")) << "left behind by a crash of ours";
  EXPECT_EQ(disk.tree("/mail/alice").size(), 1U);
}

TEST_F(MboxTest, LinksLeadNowhere) {
  ASSERT_TRUE(disk.plant_folder("/elsewhere"));
  ASSERT_TRUE(disk.plant_file("/elsewhere/victim", "precious"));
  ASSERT_TRUE(disk.plant_folder("/mail/alice"));
  ASSERT_TRUE(disk.plant_link(std::string(mbox), "/elsewhere/victim"));
  EXPECT_EQ(deliver("x").error().kind, Error::Kind::is_link);
  ASSERT_TRUE(disk.erase(std::string(mbox)));
  ASSERT_TRUE(disk.plant_hard_link(std::string(mbox), "/elsewhere/victim"));
  EXPECT_EQ(deliver("x").error().kind, Error::Kind::not_permitted);
  EXPECT_EQ(disk.contents("/elsewhere/victim"), "precious");
}

TEST_F(MboxTest, PastItsQuotaItTakesNoMoreAndKeepsWhatIsThere) {
  const MailboxSettings settings{.root = "/mail", .account = {1000, 1000}, .quota = 100};
  EXPECT_TRUE(deliver("Subject: x\r\n", settings));
  const auto before = whole();
  EXPECT_EQ(deliver("Subject: " + std::string(60, 'x') + "\r\n", settings).error().kind, Error::Kind::over_quota);
  EXPECT_EQ(whole(), before);
  EXPECT_EQ(disk.tree("/mail/alice").size(), 1U) << "no part of it is left";
}

TEST_F(MboxTest, AFailureAnywhereIsReportedAndTheRepeatMakesItGood) {
  using enum sim::DiskOperation;
  for (const auto operation :
       {create_file, write, sync_data, sync_folder, rename, remove, open_file, read, truncate, size}) {
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
        EXPECT_EQ(answered.size(), 2U) << other.trace();
        sim::LoseAll nothing_else;
        const auto after = other.after_power_cut(nothing_else);
        ASSERT_TRUE(holds_exactly(*after, {1, 2, 3})) << to_text(operation) << " " << nth << " seed " << seed;
      }
    }
  }
}

class MboxCrashTest : public ::testing::TestWithParam<testing::History> {
 protected:
  /// After the power is back.
  void finish(sim::Disk& disk, std::set<int> answered) const {
    answered.insert(rig.history().before.begin(), rig.history().before.end());
    const auto waiting = rig.unanswered(answered);
    // What was being added behind them is made whole by the next delivery.
    const auto text = disk.contents(std::string(mbox)).value_or("");
    for (const int number : answered)
      EXPECT_NE(text.find(entry_of(number)), std::string::npos) << number << "\n" << disk.trace();
    EXPECT_EQ(rig.repeat(disk, answered).size(), waiting.size()) << disk.trace();
    EXPECT_TRUE(holds_exactly(disk, rig.all()));
    if (waiting.empty()) return;
    for (const auto& name : disk.tree("/mail/alice")) EXPECT_EQ(name, mbox) << "what was left over is gone";
  }

  CrashRig rig{GetParam(), start};
};

TEST_P(MboxCrashTest, ACutAnywhereLosesAndDoublesNothing) {
  rig.each_cut([this](const sim::Disk& disk, const std::set<int>& answered, std::uint64_t cut) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      sim::SeededChoice choice{seed};
      finish(*disk.after_power_cut(choice), answered);
      ASSERT_FALSE(HasFailure()) << "cut at operation " << cut << ", seed " << seed;
    }
  });
}

TEST_P(MboxCrashTest, ASecondCutWhileRepeatingDoesNoHarmEither) {
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

/// Other mail for the mailbox comes first after the restart.
TEST_P(MboxCrashTest, MailInBetweenChangesNothing) {
  rig.each_cut([this](const sim::Disk& cut_disk, const std::set<int>& answered, std::uint64_t cut) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      sim::SeededChoice choice{seed};
      const auto disk = cut_disk.after_power_cut(choice);
      EXPECT_EQ(start(*disk, {99}, false).size(), 1U);
      static_cast<void>(rig.repeat(*disk, answered));
      auto all = rig.all();
      all.push_back(99);
      ASSERT_TRUE(holds_exactly(*disk, all)) << "cut at operation " << cut << ", seed " << seed;
    }
  });
}

/// The process dies, the machine lives: everything written is there, nothing more is synced, and then the power goes too.
TEST_P(MboxCrashTest, AKilledProcessAndThenAPowerCutLoseNothing) {
  rig.each_cut([this](sim::Disk& disk, std::set<int> answered, std::uint64_t cut) {
    disk.restart();
    answered.merge(rig.repeat(disk, answered));
    EXPECT_EQ(answered.size(), rig.history().batch.size());
    sim::LoseAll nothing_else;
    disk.cut_power();
    disk.reboot(nothing_else);
    ASSERT_TRUE(holds_exactly(disk, rig.all())) << "killed at operation " << cut;
  });
}

INSTANTIATE_TEST_SUITE_P(Histories, MboxCrashTest, ::testing::ValuesIn(testing::short_histories()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace posthorn::store
