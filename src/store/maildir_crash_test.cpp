// Power cuts at every operation of short histories of deliveries, with every outcome of what was not synced; then the
// server's part: whatever was not answered with success is delivered again. In the end each message is there exactly once,
// whole, and what had been answered was never lost (FAULTS F1, F3, I2).
#include "sim/disk.hpp"
#include "store/maildir.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <set>

namespace posthorn::store {
namespace {

using sim::CrashMode;

std::string text_of(int number) {
  return "Subject: " + std::to_string(number) + "\r\n\r\n" + std::string(600 + static_cast<unsigned>(number), 'x') + "\r\n";
}
std::string stored_of(int number) {
  return "Subject: " + std::to_string(number) + "\n\n" + std::string(600 + static_cast<unsigned>(number), 'x') + "\n";
}
std::string name_of(int number) { return "1.M1P1Q" + std::to_string(number) + ".host"; }

/// One start of a server that delivers a batch; says which it was told are there.
std::set<int> deliver(sim::Disk& disk, const std::vector<int>& batch, bool may_be_repeat) {
  std::set<int> answered;
  MaildirFormat format{disk, {.root = "/mail", .account = {1000, 1000}}};
  auto mailbox = format.open({mail::UserName::parse("alice").value()});
  if (!mailbox) return answered;
  std::vector<std::unique_ptr<PendingMail>> pending;
  std::vector<PendingMail*> finished;
  std::vector<int> numbers;
  for (const int number : batch) {
    auto staged = (*mailbox)->stage({.name = name_of(number),
                                     .id = MessageId{1},
                                     .sender = std::nullopt,
                                     .arrival = {},
                                     .head = "",
                                     .may_be_repeat = may_be_repeat});
    if (!staged) continue;
    if (!(*staged)->append(text_of(number)) || !(*staged)->finish()) continue;
    numbers.push_back(number);
    finished.push_back(staged->get());
    pending.push_back(std::move(*staged));
  }
  const auto results = (*mailbox)->publish(finished);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) answered.insert(numbers[i]);
  }
  return answered;
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

/// Whether new/ and cur/ hold each of these once, whole, and nothing else.
::testing::AssertionResult holds_exactly(const sim::Disk& disk, const std::vector<int>& numbers) {
  std::multiset<std::string> found;
  for (const auto* folder : {"/mail/alice/new", "/mail/alice/cur"}) {
    for (const auto& path : disk.tree(folder)) found.insert(disk.contents(path).value_or("?"));
  }
  std::multiset<std::string> wanted;
  for (const int number : numbers) wanted.insert(stored_of(number));
  if (found == wanted) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << found.size() << " files for " << wanted.size() << " messages, or altered\n"
                                       << disk.trace();
}

/// Every file that a reader may see is a whole message of these.
::testing::AssertionResult shows_whole_mail_only(const sim::Disk& disk, const std::vector<int>& numbers) {
  std::set<std::string> whole;
  for (const int number : numbers) whole.insert(stored_of(number));
  for (const auto* folder : {"/mail/alice/new", "/mail/alice/cur"}) {
    for (const auto& path : disk.tree(folder)) {
      if (!whole.contains(disk.contents(path).value_or("?"))) {
        return ::testing::AssertionFailure() << path << " is not a whole message\n" << disk.trace();
      }
    }
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult keeps(const sim::Disk& disk, const std::set<int>& answered) {
  for (const int number : answered) {
    if (disk.contents("/mail/alice/new/" + name_of(number)) != stored_of(number)) {
      return ::testing::AssertionFailure() << number << " was answered and is lost\n" << disk.trace();
    }
  }
  return ::testing::AssertionSuccess();
}

struct History {
  std::string name;
  CrashMode mode;
  std::vector<int> before;  ///< delivered and durable before the history begins; empty: no mailbox yet
  std::vector<int> batch;

  friend void PrintTo(const History& history, std::ostream* out) { *out << history.name; }
};

class MaildirCrashTest : public ::testing::TestWithParam<History> {
 protected:
  static std::unique_ptr<sim::Disk> fresh_disk() {
    auto disk = std::make_unique<sim::Disk>(sim::DiskSettings{.mode = GetParam().mode});
    EXPECT_TRUE(disk->make_root("/mail", 0755));
    if (!GetParam().before.empty()) {
      EXPECT_EQ(deliver(*disk, GetParam().before, false).size(), GetParam().before.size());
    }
    return disk;
  }
  static std::vector<int> all() {
    auto numbers = GetParam().before;
    numbers.insert(numbers.end(), GetParam().batch.begin(), GetParam().batch.end());
    return numbers;
  }
  static std::uint64_t last_operation() {
    const auto disk = fresh_disk();
    static_cast<void>(deliver(*disk, GetParam().batch, false));
    return disk->operations();
  }
  static std::vector<int> unanswered(const std::set<int>& answered) {
    auto waiting = GetParam().batch;
    std::erase_if(waiting, [&answered](int number) { return answered.contains(number); });
    return waiting;
  }
  /// What the server does after the restart.
  static void finish(sim::Disk& disk, std::set<int> answered) {
    EXPECT_TRUE(shows_whole_mail_only(disk, all()));
    answered.insert(GetParam().before.begin(), GetParam().before.end());
    EXPECT_TRUE(keeps(disk, answered));
    const auto waiting = unanswered(answered);
    if (!waiting.empty()) EXPECT_EQ(deliver(disk, waiting, true).size(), waiting.size()) << disk.trace();
    EXPECT_TRUE(holds_exactly(disk, all()));
    for (const int number : waiting) {
      EXPECT_EQ(disk.contents("/mail/alice/tmp/" + name_of(number)), std::nullopt) << "what was left over is gone";
    }
  }
};

TEST_P(MaildirCrashTest, ACutAnywhereLosesAndDoublesNothing) {
  const auto last = last_operation();
  std::uint64_t states = 0;
  for (auto cut = fresh_disk()->operations() + 1; cut <= last + 1; ++cut) {
    const auto disk = fresh_disk();
    disk->cut_power_at(cut);
    const auto answered = deliver(*disk, GetParam().batch, false);
    sim::ExhaustiveChoice choice;
    do {
      const auto after = disk->after_power_cut(choice);
      finish(*after, answered);
      ++states;
      ASSERT_FALSE(HasFailure()) << "cut at operation " << cut;
    } while (choice.next());
  }
  EXPECT_GT(states, last);
}

TEST_P(MaildirCrashTest, ASecondCutWhileRepeatingDoesNoHarmEither) {
  const auto last = last_operation();
  for (auto cut = fresh_disk()->operations() + 1; cut <= last + 1; ++cut) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const auto disk = fresh_disk();
      disk->cut_power_at(cut);
      auto answered = deliver(*disk, GetParam().batch, false);
      sim::SeededChoice choice{seed};
      disk->reboot(choice);
      const auto waiting = unanswered(answered);
      disk->cut_power_at(disk->operations() + 1 + choice.pick(last));
      answered.merge(deliver(*disk, waiting, true));
      disk->cut_power();
      disk->reboot(choice);
      finish(*disk, answered);
      ASSERT_FALSE(HasFailure()) << "cut at operation " << cut << ", seed " << seed;
    }
  }
}

TEST_P(MaildirCrashTest, AReaderWhoMovesTheMailInBetweenSeesItOnce) {
  const auto last = last_operation();
  for (auto cut = fresh_disk()->operations() + 1; cut <= last + 1; ++cut) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const auto disk = fresh_disk();
      disk->cut_power_at(cut);
      const auto answered = deliver(*disk, GetParam().batch, false);
      sim::SeededChoice choice{seed};
      disk->cut_power();
      disk->reboot(choice);
      read_mail(*disk);
      const auto waiting = unanswered(answered);
      static_cast<void>(deliver(*disk, waiting, true));
      ASSERT_TRUE(holds_exactly(*disk, all())) << "cut at operation " << cut << ", seed " << seed;
    }
  }
}

/// The process dies, the machine lives: everything written is there, nothing more is synced, and then the power goes too.
TEST_P(MaildirCrashTest, AKilledProcessAndThenAPowerCutLoseNothing) {
  const auto last = last_operation();
  for (auto cut = fresh_disk()->operations() + 1; cut <= last + 1; ++cut) {
    const auto disk = fresh_disk();
    disk->cut_power_at(cut);
    auto answered = deliver(*disk, GetParam().batch, false);
    disk->restart();
    const auto waiting = unanswered(answered);
    answered.merge(deliver(*disk, waiting, true));
    EXPECT_EQ(answered.size(), GetParam().batch.size());
    sim::LoseAll nothing_else;
    disk->cut_power();
    disk->reboot(nothing_else);
    ASSERT_TRUE(holds_exactly(*disk, all())) << "killed at operation " << cut;
  }
}

INSTANTIATE_TEST_SUITE_P(Histories, MaildirCrashTest,
                         ::testing::Values(History{"FirstMailReordered", CrashMode::reordered, {}, {1}},
                                           History{"FirstMailOrdered", CrashMode::ordered, {}, {1}},
                                           History{"FirstMailPrefix", CrashMode::prefix, {}, {1}},
                                           History{"FirstMailDelayed", CrashMode::delayed_allocation, {}, {1}},
                                           History{"NextMailReordered", CrashMode::reordered, {1}, {2}},
                                           History{"TwoAtOnceReordered", CrashMode::reordered, {1}, {2, 3}},
                                           History{"TwoAtOnceOrdered", CrashMode::ordered, {1}, {2, 3}},
                                           History{"TwoAtOncePrefix", CrashMode::prefix, {1}, {2, 3}},
                                           History{"TwoAtOnceDelayed", CrashMode::delayed_allocation, {1}, {2, 3}},
                                           History{"ThreeAtOnceOrdered", CrashMode::ordered, {1}, {2, 3, 4}}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace posthorn::store
