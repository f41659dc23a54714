// The heap against a plain ordered map that does the same.
#include "system/timer_heap.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace posthorn::system {
namespace {

using namespace std::chrono_literals;

TEST(TimerHeap, RunsInOrderOfTimeThenOfStart) {
  TimerHeap heap;
  std::string order;
  static_cast<void>(heap.start(MonotonicTime{2s}, [&] { order += 'c'; }));
  static_cast<void>(heap.start(MonotonicTime{1s}, [&] { order += 'a'; }));
  static_cast<void>(heap.start(MonotonicTime{1s}, [&] { order += 'b'; }));
  EXPECT_EQ(heap.next(), MonotonicTime{1s});
  while (!heap.empty()) heap.take_first()();
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(heap.next(), never);
}

TEST(TimerHeap, AnIdOfATimerThatRanNamesNothing) {
  TimerHeap heap;
  const auto first = heap.start(MonotonicTime{1s}, [] {});
  heap.take_first()();
  const auto second = heap.start(MonotonicTime{1s}, [] {});
  EXPECT_NE(first, second) << "the slot is used again, the id is not";
  heap.cancel(first);
  EXPECT_EQ(heap.size(), 1U);
  heap.cancel(second);
  heap.cancel(second);
  heap.cancel(world::TimerId::none);
  heap.cancel(world::TimerId{0xffffffffffffffff});
  EXPECT_TRUE(heap.empty());
}

TEST(TimerHeap, ATimerStartedNowIsNotAmongThoseDueBefore) {
  TimerHeap heap;
  const auto started = heap.started();
  static_cast<void>(heap.start(MonotonicTime{1s}, [] {}));
  EXPECT_FALSE(heap.has_due(MonotonicTime{1s}, started));
  EXPECT_TRUE(heap.has_due(MonotonicTime{1s}, heap.started()));
  EXPECT_FALSE(heap.has_due(MonotonicTime{999ms}, heap.started()));
}

TEST(TimerHeap, AgreesWithAnOrderedMap) {
  TimerHeap heap;
  std::multimap<std::pair<MonotonicTime, int>, world::TimerId> model;
  std::mt19937 random{7};
  std::vector<int> ran;
  for (int step = 0; step < 20'000; ++step) {
    const auto choice = random() % 4;
    if (choice < 2) {
      const auto when = MonotonicTime{std::chrono::milliseconds{random() % 500}};
      model.emplace(std::pair{when, step}, heap.start(when, [&ran, step] { ran.push_back(step); }));
    } else if (!model.empty() && choice == 2) {
      const auto victim =
          std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(model.size(), 50)));
      heap.cancel(victim->second);
      model.erase(victim);
    } else if (!model.empty()) {
      ASSERT_EQ(heap.next(), model.begin()->first.first);
      heap.take_first()();
      ASSERT_EQ(ran.back(), model.begin()->first.second);
      model.erase(model.begin());
    }
    ASSERT_EQ(heap.size(), model.size());
  }
}

}  // namespace
}  // namespace posthorn::system
