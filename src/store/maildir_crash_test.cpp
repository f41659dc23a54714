// Power cuts at every operation of short histories of deliveries, with every outcome of what was not synced; then the
// server's part: whatever was not answered with success is delivered again. In the end each message is there exactly once,
// whole, and what had been answered was never lost (FAULTS F1, F3, I2).
#include "sim/shared_files.hpp"
#include "store/maildir.hpp"
#include "support/mailbox_rig.hpp"

#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

using testing::CrashRig;
using testing::delivery_name;
using testing::stored_text;

std::set<int> start(sim::Disk& disk, const std::vector<int>& batch, bool may_be_repeat) {
  sim::SharedFiles files;
  MaildirFormat format{disk, files, {.root = "/mail", .account = {1000, 1000}}};
  const auto mailbox = format.open({mail::UserName::parse("alice").value()});
  return mailbox ? testing::deliver_batch(**mailbox, batch, may_be_repeat) : std::set<int>{};
}

/// A reader: moves what is in new to cur, with flags, and makes that durable.
void read_mail(sim::Disk& disk) {
  auto mailbox = disk.open_root("/mail/alice");
  if (!mailbox) return;
  auto fresh = (*mailbox)->open_folder("new");
  auto cur = (*mailbox)->open_folder("cur");
  if (!fresh || !cur) return;
  for (const auto& entry : (*fresh)->list().value()) {
    EXPECT_TRUE((*fresh)->rename(entry.name, **cur, entry.name + ":2,S", false));
  }
  EXPECT_TRUE((*cur)->sync());
  EXPECT_TRUE((*fresh)->sync());
}

std::multiset<std::string> visible(const sim::Disk& disk) {
  std::multiset<std::string> found;
  for (const auto* folder : {"/mail/alice/new", "/mail/alice/cur"}) {
    for (const auto& path : disk.tree(folder)) found.insert(disk.contents(path).value_or("?"));
  }
  return found;
}

/// Whether new/ and cur/ hold each of these once, whole, and nothing else.
::testing::AssertionResult holds_exactly(const sim::Disk& disk, const std::vector<int>& numbers) {
  std::multiset<std::string> wanted;
  for (const int number : numbers) wanted.insert(stored_text(number));
  const auto found = visible(disk);
  if (found == wanted) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << found.size() << " files for " << wanted.size() << " messages, or altered\n"
                                       << disk.trace();
}

/// Every file that a reader may see is a whole message of these.
::testing::AssertionResult shows_whole_mail_only(const sim::Disk& disk, const std::vector<int>& numbers) {
  std::set<std::string> whole;
  for (const int number : numbers) whole.insert(stored_text(number));
  for (const auto& text : visible(disk)) {
    if (!whole.contains(text)) return ::testing::AssertionFailure() << "not a whole message\n" << disk.trace();
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult keeps(const sim::Disk& disk, const std::set<int>& answered) {
  for (const int number : answered) {
    if (disk.contents("/mail/alice/new/" + delivery_name(number)) != stored_text(number)) {
      return ::testing::AssertionFailure() << number << " was answered and is lost\n" << disk.trace();
    }
  }
  return ::testing::AssertionSuccess();
}

class MaildirCrashTest : public ::testing::TestWithParam<testing::History> {
 protected:
  /// After the power is back.
  void finish(sim::Disk& disk, std::set<int> answered) const {
    EXPECT_TRUE(shows_whole_mail_only(disk, rig.all()));
    answered.insert(rig.history().before.begin(), rig.history().before.end());
    EXPECT_TRUE(keeps(disk, answered));
    const auto waiting = rig.unanswered(answered);
    EXPECT_EQ(rig.repeat(disk, answered).size(), waiting.size()) << disk.trace();
    EXPECT_TRUE(holds_exactly(disk, rig.all()));
    for (const int number : waiting) {
      EXPECT_EQ(disk.contents("/mail/alice/tmp/" + delivery_name(number)), std::nullopt)
          << "what was left over is gone";
    }
  }

  CrashRig rig{GetParam(), start};
};

TEST_P(MaildirCrashTest, ACutAnywhereLosesAndDoublesNothing) {
  rig.each_cut([this](const sim::Disk& disk, const std::set<int>& answered, std::uint64_t cut) {
    sim::ExhaustiveChoice choice;
    do {
      finish(*disk.after_power_cut(choice), answered);
      ASSERT_FALSE(HasFailure()) << "cut at operation " << cut;
    } while (choice.next());
  });
}

TEST_P(MaildirCrashTest, ASecondCutWhileRepeatingDoesNoHarmEither) {
  rig.each_cut([this](const sim::Disk& cut_disk, std::set<int> answered, std::uint64_t cut) {
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

TEST_P(MaildirCrashTest, AReaderWhoMovesTheMailInBetweenSeesItOnce) {
  rig.each_cut([this](const sim::Disk& cut_disk, const std::set<int>& answered, std::uint64_t cut) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      sim::SeededChoice choice{seed};
      const auto disk = cut_disk.after_power_cut(choice);
      read_mail(*disk);
      static_cast<void>(rig.repeat(*disk, answered));
      ASSERT_TRUE(holds_exactly(*disk, rig.all())) << "cut at operation " << cut << ", seed " << seed;
    }
  });
}

/// The process dies, the machine lives: everything written is there, nothing more is synced, and then the power goes too.
TEST_P(MaildirCrashTest, AKilledProcessAndThenAPowerCutLoseNothing) {
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

INSTANTIATE_TEST_SUITE_P(Histories, MaildirCrashTest, ::testing::ValuesIn(testing::short_histories()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace posthorn::store
