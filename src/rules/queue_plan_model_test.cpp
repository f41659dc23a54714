// QueuePlan against a model that looks at everything each time, over random histories; and how its cost grows.
#include "rules/draws.hpp"
#include "rules/queue_plan.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace posthorn::rules {
namespace {

using namespace std::chrono_literals;
using State = QueuePlan::State;

struct ModelEntry {
  State state = State::waiting;
  MonotonicTime due{};
  Duration slack{};
  std::string destination;
  bool takes_room = false;
  bool hold_asked = false;
  bool expiry_asked = false;
  bool remove_asked = false;
};

struct ModelDestination {
  std::uint32_t window = 0;
  std::uint32_t failures = 0;
  MonotonicTime failed_at = MonotonicTime::min();
};

/// The rules of queue_plan.hpp in their plainest form.
class Model {
 public:
  explicit Model(const QueuePlan::Settings& settings) : settings_(settings) {}

  std::map<EntryId, ModelEntry> entries;
  bool paused = false;

  ModelDestination& destination(const std::string& key) {
    return destinations_.try_emplace(key, ModelDestination{settings_.first_window}).first->second;
  }
  bool is_dead(const std::string& key) { return destination(key).failures >= settings_.failures_until_dead; }

  [[nodiscard]] std::uint32_t running() const {
    return count([](const ModelEntry& e) { return e.state == State::running; });
  }
  [[nodiscard]] std::uint32_t running(const std::string& key) const {
    return count([&](const ModelEntry& e) { return e.takes_room && e.destination == key; });
  }

  bool shares_failure(const ModelEntry& e) {
    return is_dead(e.destination) && e.due - e.slack <= destination(e.destination).failed_at;
  }
  bool has_room(const std::string& key) { return running(key) < (is_dead(key) ? 1 : destination(key).window); }

  /// What could be handed out: the first of each destination.
  std::vector<EntryId> startable(MonotonicTime now) {
    std::map<std::string, std::pair<MonotonicTime, EntryId>> first;
    for (const auto& [id, e] : entries) {
      if (e.state != State::waiting) continue;
      const auto key = std::pair{e.due, id};
      const auto [at, is_new] = first.try_emplace(e.destination, key);
      if (!is_new) at->second = std::min(at->second, key);
    }
    std::vector<EntryId> ids;
    for (const auto& [key, earliest] : first) {
      const auto& e = entries.at(earliest.second);
      if (e.due <= now && (has_room(key) || shares_failure(e))) ids.push_back(earliest.second);
    }
    return ids;
  }

  void learn(const ModelEntry& e, Health health, MonotonicTime now) {
    if (!e.takes_room || health == Health::not_tried) return;
    auto& d = destination(e.destination);
    if (health == Health::turned_away) health = running(e.destination) > 1 ? Health::throttled : Health::unreachable;
    if (health == Health::unreachable) {
      d.failures += 1;
      d.window = std::max(d.window / 2, 1U);
      if (is_dead(e.destination)) d.failed_at = now;
      return;
    }
    if (is_dead(e.destination)) d.window = settings_.first_window;
    d.failures = 0;
    d.failed_at = MonotonicTime::min();
    if (health == Health::throttled) d.window = std::max(d.window / 2, 1U);
    if (health == Health::worked && running(e.destination) >= d.window) {
      d.window = std::min(d.window + 1, settings_.largest_window);
    }
  }

 private:
  template <class Claim>
  [[nodiscard]] std::uint32_t count(Claim claim) const {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(entries, [&](const auto& entry) { return claim(entry.second); }));
  }

  QueuePlan::Settings settings_;
  std::map<std::string, ModelDestination> destinations_;
};

class History {
 public:
  explicit History(std::uint64_t seed) : draws_(seed), plan_(settings()), model_(settings()) {}

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      step();
      compare();
    }
  }

 private:
  static QueuePlan::Settings settings() {
    return {.deliveries = 6, .first_window = 2, .largest_window = 3, .remembered_destinations = 1'000};
  }

  void step() {
    switch (draws_.below(13)) {
      case 0:
      case 1:
      case 2:
        return add();
      case 3:
      case 4:
        return take();
      case 5:
        return take_more();
      case 6:
      case 7:
      case 8:
        return end_one();
      case 9:
        return operate();
      case 10:
        return reassign();
      case 11:
        return leave_room();
      default:
        now_ += 1s * static_cast<int>(draws_.below(4));
    }
    if (draws_.below(20) == 0) pause();
  }

  std::string some_destination() { return fmt::format("d{}.example", draws_.below(4)); }
  MonotonicTime some_time() { return now_ + 1s * static_cast<int>(draws_.below(6)) - 1s; }

  Duration some_slack() { return draws_.below(2) == 0 ? 0s : 1s * static_cast<int>(draws_.below(4)); }

  EntryId some_entry() {
    if (model_.entries.empty()) return {};
    return std::next(model_.entries.begin(), static_cast<std::ptrdiff_t>(draws_.below(model_.entries.size())))->first;
  }

  std::optional<EntryId> some_running() {
    std::vector<EntryId> running;
    for (const auto& [id, e] : model_.entries) {
      if (e.state == State::running) running.push_back(id);
    }
    if (running.empty()) return std::nullopt;
    return running[draws_.below(running.size())];
  }

  void add() {
    const EntryId id{MessageId{++last_}, static_cast<std::uint32_t>(draws_.below(2))};
    ModelEntry entry{.due = some_time(), .destination = some_destination()};
    const auto kind = draws_.below(10);
    if (kind == 0) {
      entry.state = State::held;
      plan_.add_held(id, entry.destination);
    } else if (kind == 1) {
      entry.state = State::expiring;
      plan_.add_expiring(id, entry.destination, entry.due);
    } else {
      entry.slack = some_slack();
      plan_.add(id, entry.destination, entry.due, entry.slack);
    }
    model_.entries.emplace(id, entry);
  }

  void take() {
    if (draws_.below(4) == 0) return take_expired();
    const auto could = model_.startable(now_);
    const auto work = plan_.take(now_);
    const bool may = !model_.paused && model_.running() < settings().deliveries && !could.empty();
    ASSERT_EQ(work.has_value(), may);
    if (work) check_start(*work, could);
  }

  void check_start(const QueuePlan::Work& work, const std::vector<EntryId>& could) {
    ASSERT_TRUE(std::ranges::find(could, work.entry) != could.end()) << work.entry.message.value();
    auto& e = model_.entries.at(work.entry);
    EXPECT_EQ(work.destination, e.destination);
    EXPECT_EQ(work.shares_failure, model_.shares_failure(e));
    e.state = State::running;
    e.takes_room = !work.shares_failure;
  }

  void take_more() {
    const auto destination = some_destination();
    const auto could = model_.startable(now_);
    const auto work = plan_.take_more(destination, now_, 0);
    const auto wanted =
        std::ranges::find_if(could, [&](EntryId id) { return model_.entries.at(id).destination == destination; });
    const bool may = !model_.paused && model_.running() < settings().deliveries && wanted != could.end() &&
                     !model_.shares_failure(model_.entries.at(*wanted));
    ASSERT_EQ(work.has_value(), may);
    if (work) check_start(*work, {*wanted});
  }

  void take_expired() {
    std::optional<std::pair<MonotonicTime, EntryId>> first;
    for (const auto& [id, e] : model_.entries) {
      const auto key = std::pair{e.due, id};
      if (e.state == State::expiring && e.due <= now_ && (!first || key < *first)) first = key;
    }
    if (model_.paused || model_.running() >= settings().deliveries) first.reset();
    const auto gone = plan_.take_expired(now_);
    ASSERT_EQ(gone, first ? std::optional{first->second} : std::nullopt);
    if (gone) model_.entries.at(*gone).state = State::running;
  }

  /// What the attempt told of its destination, by chance.
  Health end_in_model(ModelEntry& e) {
    const auto health = static_cast<Health>(draws_.below(6));
    model_.learn(e, health, now_);
    e.takes_room = false;
    return health;
  }

  void end_one() {
    const auto id = some_running();
    if (!id) return;
    auto& e = model_.entries.at(*id);
    const auto health = end_in_model(e);
    const auto way = draws_.below(3);
    const auto due = some_time();
    const auto slack = some_slack();
    if (way == 0) {
      plan_.finish(*id, health, now_);
      model_.entries.erase(*id);
      return;
    }
    const bool kept =
        way == 1 ? plan_.defer(*id, health, now_, due, slack) : plan_.defer_until_expiry(*id, health, now_, due);
    EXPECT_EQ(kept, !e.remove_asked);
    rest(*id, way == 1 ? State::waiting : State::expiring, due, slack);
  }

  void leave_room() {
    const auto id = some_running();
    if (!id) return;
    plan_.leave_room(*id, end_in_model(model_.entries.at(*id)), now_);
  }

  void rest(EntryId id, State state, MonotonicTime due, Duration slack) {
    auto& e = model_.entries.at(id);
    if (e.remove_asked) {
      model_.entries.erase(id);
      return;
    }
    if (std::exchange(e.expiry_asked, false)) {
      e.hold_asked = false;
      e.state = State::expiring;
      return;
    }
    e.state = std::exchange(e.hold_asked, false) ? State::held : state;
    if (e.state == State::held) return;
    e.due = due;
    e.slack = slack;
  }

  void operate() {
    const auto id = some_entry();
    const auto found = model_.entries.find(id);
    const bool is_there = found != model_.entries.end();
    const auto due = some_time();
    switch (draws_.below(5)) {
      case 4:
        EXPECT_EQ(plan_.expire(id, due), is_there);
        if (is_there) expire(found->second, due);
        break;
      case 0:
        EXPECT_EQ(plan_.hold(id), is_there);
        if (is_there) hold(found->second);
        break;
      case 1:
        EXPECT_EQ(plan_.release(id, due), is_there);
        if (is_there) release(found->second, due);
        break;
      case 2:
        EXPECT_EQ(plan_.retry(id, due), is_there);
        if (is_there && (found->second.state == State::waiting || found->second.state == State::expiring)) {
          found->second.state = State::waiting;
          found->second.due = due;
          found->second.slack = 0s;
        }
        break;
      default:
        EXPECT_EQ(plan_.remove(id), is_there);
        if (!is_there) break;
        if (found->second.state == State::running) {
          found->second.remove_asked = true;
        } else {
          model_.entries.erase(found);
        }
    }
  }

  static void hold(ModelEntry& e) {
    if (e.state == State::running) {
      e.hold_asked = true;
    } else {
      e.state = State::held;
    }
  }

  static void expire(ModelEntry& e, MonotonicTime when) {
    if (e.state == State::running) {
      e.expiry_asked = true;
    } else {
      e.state = State::expiring;
      e.due = when;
    }
  }

  static void release(ModelEntry& e, MonotonicTime due) {
    e.hold_asked = false;
    if (e.state != State::held) return;
    e.state = State::waiting;
    e.due = due;
    e.slack = 0s;
  }

  void reassign() {
    const auto id = some_running();
    if (!id || !model_.entries.at(*id).takes_room) return;
    auto& e = model_.entries.at(*id);
    const auto target = some_destination();
    const bool same = e.destination == target;
    if (!same) {
      e.takes_room = false;
      e.destination = target;
    }
    const bool may = same || (model_.has_room(target) && !model_.shares_failure(e));
    ASSERT_EQ(plan_.reassign(*id, target), may);
    if (may) {
      e.takes_room = true;
    } else {
      rest(*id, State::waiting, e.due, e.slack);
    }
  }

  void pause() {
    model_.paused = !model_.paused;
    plan_.pause(model_.paused);
  }

  void compare() {
    ASSERT_EQ(plan_.size(), model_.entries.size());
    ASSERT_EQ(plan_.running(), model_.running());
    for (const auto& [id, e] : model_.entries) {
      const auto facts = plan_.find(id);
      ASSERT_TRUE(facts);
      ASSERT_EQ(facts->state, e.state);
      ASSERT_EQ(facts->destination, e.destination);
      if (e.state == State::waiting || e.state == State::expiring) ASSERT_EQ(facts->due, e.due);
    }
    // A wakeup may come early, never late.
    const bool has_work = !model_.paused && model_.running() < settings().deliveries && !model_.startable(now_).empty();
    if (has_work) ASSERT_LE(plan_.next_wakeup(), now_);
  }

  Draws draws_;
  QueuePlan plan_;
  Model model_;
  MonotonicTime now_{1h};
  std::uint64_t last_ = 0;
};

TEST(QueuePlanModel, RandomHistoriesAgreeWithThePlainRules) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    History(seed).run(400);
    if (testing::Test::HasFailure()) return;
  }
}

/// The comparisons that `n` messages cost in all on their way through a queue with many destinations, one attempt deferred
/// and one that works each.
std::uint64_t cost_of(std::uint64_t n) {
  QueuePlan plan({.deliveries = 100});
  Draws draws(n);
  MonotonicTime now{1h};
  for (std::uint64_t i = 0; i < n; ++i) {
    plan.add({MessageId{i}}, fmt::format("d{}.example", draws.below(n / 10 + 1)), now);
  }
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto work = plan.take(now);
    if (!work) return 0;
    EXPECT_TRUE(plan.defer(work->entry, Health::answered, now, now + 1h + 1ms * static_cast<int>(draws.below(1'000))));
  }
  now += 2h;
  while (const auto work = plan.take(now)) plan.finish(work->entry, Health::worked, now);
  EXPECT_EQ(plan.size(), 0U);
  return plan.comparisons();
}

TEST(QueuePlanModel, TheCostPerMessageGrowsWithTheLogarithm) {
  const double small = static_cast<double>(cost_of(1'000)) / 1'000;
  const double large = static_cast<double>(cost_of(64'000)) / 64'000;
  ASSERT_GT(small, 0);
  EXPECT_LT(large, small * (std::log2(64'000) / std::log2(1'000)) * 1.25);
}

TEST(QueuePlanModel, ALineOfAllForOneDestinationCostsNoMore) {
  constexpr std::uint64_t n = 64'000;
  QueuePlan plan({});
  const MonotonicTime now{1h};
  for (std::uint64_t i = 0; i < n; ++i) plan.add({MessageId{i}}, "one.example", now);
  while (const auto work = plan.take(now)) plan.finish(work->entry, Health::worked, now);
  EXPECT_EQ(plan.size(), 0U);
  EXPECT_LT(static_cast<double>(plan.comparisons()) / n, 3 * std::log2(n) + 4);
}

}  // namespace
}  // namespace posthorn::rules
