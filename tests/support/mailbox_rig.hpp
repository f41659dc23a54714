// What the tests of the mailbox formats share: messages that can be told apart, one server start that delivers a batch, and
// the walk through every power cut of it.
#pragma once

#include "sim/disk.hpp"
#include "store/mailbox.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace posthorn::testing {

inline std::string mail_text(int number) {
  return "Subject: " + std::to_string(number) + "\r\n\r\n" + std::string(600 + static_cast<unsigned>(number), 'x') +
         "\r\n";
}
/// The same as a file holds it.
inline std::string stored_text(int number) {
  return "Subject: " + std::to_string(number) + "\n\n" + std::string(600 + static_cast<unsigned>(number), 'x') + "\n";
}
inline std::string delivery_name(int number) { return "1.M1P1Q" + std::to_string(number) + ".host"; }

inline store::IncomingMail incoming(int number, bool may_be_repeat) {
  return {.name = delivery_name(number),
          .id = MessageId{static_cast<std::uint64_t>(number)},
          .sender = std::nullopt,
          .arrival = {},
          .head = "",
          .may_be_repeat = may_be_repeat};
}

/// Delivers the messages as one batch; which of them were answered with success.
inline std::set<int> deliver_batch(store::Mailbox& mailbox, const std::vector<int>& batch, bool may_be_repeat) {
  std::vector<std::unique_ptr<store::PendingMail>> pending;
  std::vector<store::PendingMail*> finished;
  std::vector<int> numbers;
  for (const int number : batch) {
    auto staged = mailbox.stage(incoming(number, may_be_repeat));
    if (!staged) continue;
    if (!(*staged)->append(mail_text(number)) || !(*staged)->finish()) continue;
    numbers.push_back(number);
    finished.push_back(staged->get());
    pending.push_back(std::move(*staged));
  }
  std::set<int> answered;
  const auto results = mailbox.publish(finished);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) answered.insert(numbers[i]);
  }
  return answered;
}

/// A short history: some messages delivered and durable, then a batch during which the power is cut.
struct History {
  std::string name;
  sim::CrashMode mode;
  std::vector<int> before;  ///< empty: there is no mailbox yet
  std::vector<int> batch;

  friend void PrintTo(const History& history, std::ostream* out) { *out << history.name; }
};

class CrashRig {
 public:
  /// One start of a server that delivers the batch and ends.
  using Start = std::function<std::set<int>(sim::Disk&, const std::vector<int>& batch, bool may_be_repeat)>;

  CrashRig(History history, Start start) : history_(std::move(history)), start_(std::move(start)) {}

  [[nodiscard]] std::unique_ptr<sim::Disk> new_disk() const {
    auto disk = std::make_unique<sim::Disk>(sim::DiskSettings{.mode = history_.mode});
    EXPECT_TRUE(disk->make_root("/mail", 0755));
    if (!history_.before.empty()) EXPECT_EQ(start_(*disk, history_.before, false).size(), history_.before.size());
    return disk;
  }

  /// Calls `visit(disk, answered, cut)` for a cut before each operation of the batch and one after the last; the power is
  /// off then.
  template <class Visit>
  void each_cut(Visit visit) const {
    const auto whole = new_disk();
    const auto first = whole->operations() + 1;
    static_cast<void>(start_(*whole, history_.batch, false));
    for (auto cut = first; cut <= whole->operations() + 1; ++cut) {
      const auto disk = new_disk();
      disk->cut_power_at(cut);
      const auto answered = start_(*disk, history_.batch, false);
      disk->cut_power();
      visit(*disk, answered, cut);
      if (::testing::Test::HasFailure()) return;
    }
  }

  /// What the server does after a restart: it delivers again what was not answered.
  [[nodiscard]] std::set<int> repeat(sim::Disk& disk, const std::set<int>& answered) const {
    const auto waiting = unanswered(answered);
    return waiting.empty() ? std::set<int>{} : start_(disk, waiting, true);
  }

  [[nodiscard]] std::vector<int> unanswered(const std::set<int>& answered) const {
    auto waiting = history_.batch;
    std::erase_if(waiting, [&answered](int number) { return answered.contains(number); });
    return waiting;
  }
  [[nodiscard]] std::vector<int> all() const {
    auto numbers = history_.before;
    numbers.insert(numbers.end(), history_.batch.begin(), history_.batch.end());
    return numbers;
  }
  [[nodiscard]] const History& history() const { return history_; }

 private:
  History history_;
  Start start_;
};

inline std::vector<History> short_histories() {
  using sim::CrashMode;
  return {{"FirstMailReordered", CrashMode::reordered, {}, {1}},
          {"FirstMailOrdered", CrashMode::ordered, {}, {1}},
          {"FirstMailPrefix", CrashMode::prefix, {}, {1}},
          {"FirstMailDelayed", CrashMode::delayed_allocation, {}, {1}},
          {"NextMailReordered", CrashMode::reordered, {1}, {2}},
          {"TwoAtOnceReordered", CrashMode::reordered, {1}, {2, 3}},
          {"TwoAtOnceOrdered", CrashMode::ordered, {1}, {2, 3}},
          {"TwoAtOncePrefix", CrashMode::prefix, {1}, {2, 3}},
          {"TwoAtOnceDelayed", CrashMode::delayed_allocation, {1}, {2, 3}},
          {"ThreeAtOnceOrdered", CrashMode::ordered, {1}, {2, 3, 4}}};
}

}  // namespace posthorn::testing
