// The waits and the task group, on the simulated loop.
#include "sim/loop.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace posthorn::world {
namespace {

using namespace std::chrono_literals;

Task<int> add_later(Loop& loop, int a, int b) {
  co_await sleep_until(loop, loop.now() + 1s);
  co_return a + b;
}

TEST(Task, RunsWhenAwaitedAndReturnsItsValue) {
  sim::Loop loop;
  TaskGroup group;
  int sum = 0;
  group.start(
      [](Loop& on, int& out) -> Task<> { out = co_await add_later(on, 2, co_await add_later(on, 3, 4)); }(loop, sum));
  EXPECT_EQ(sum, 0);
  loop.run();
  EXPECT_EQ(sum, 9);
  EXPECT_EQ(loop.now(), MonotonicTime{2s});
  EXPECT_TRUE(group.empty());
}

TEST(TaskGroup, DestroysWhatIsStillSuspended) {
  sim::Loop loop;
  auto witness = std::make_shared<int>(0);
  {
    TaskGroup group;
    for (int i = 0; i < 3; ++i) {
      group.start(
          [](Loop& on, std::shared_ptr<int>) -> Task<> { co_await sleep_until(on, never - 1ns); }(loop, witness));
    }
    EXPECT_EQ(group.size(), 3U);
    EXPECT_EQ(witness.use_count(), 4);
  }
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_TRUE(loop.idle()) << "a destroyed sleeper takes its timer with it";
}

Task<> note_wait(Event& event, MonotonicTime deadline, std::string& notes, char name) {
  notes += co_await event.wait(deadline) ? name : '-';
}

TEST(Event, WakesAllThatWaitAndStaysSet) {
  sim::Loop loop;
  Event event{loop};
  TaskGroup group;
  std::string notes;
  group.start(note_wait(event, never, notes, 'a'));
  group.start(note_wait(event, loop.now() + 1s, notes, 'b'));
  event.set();
  EXPECT_EQ(notes, "") << "the waiters go on after what is running now";
  loop.settle();
  EXPECT_EQ(notes, "ab");
  group.start(note_wait(event, never, notes, 'c'));
  EXPECT_EQ(notes, "abc");
}

TEST(Event, ADeadlineEndsTheWait) {
  sim::Loop loop;
  Event event{loop};
  TaskGroup group;
  std::string notes;
  group.start(note_wait(event, loop.now() + 1s, notes, 'a'));
  loop.run_for(999ms);
  EXPECT_EQ(notes, "");
  loop.run_for(1ms);
  EXPECT_EQ(notes, "-");
}

TEST(SimLoop, EventsOfOneMomentKeepTheirOrderWithoutASeed) {
  sim::Loop loop;
  std::string order;
  loop.start_timer(MonotonicTime{2s}, [&] { order += 'c'; });
  loop.post([&] { order += 'a'; });
  const auto forgotten = loop.start_timer(MonotonicTime{1s}, [&] { order += 'x'; });
  loop.post([&] { order += 'b'; });
  loop.cancel_timer(forgotten);
  loop.run();
  EXPECT_EQ(order, "abc");
}

}  // namespace
}  // namespace posthorn::world
