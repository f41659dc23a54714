// The real loop: order of posts and timers, wake-ups from other threads, workers.
#include "system/event_loop.hpp"

#include "system/clock.hpp"
#include "system/thread.hpp"
#include "system/worker_threads.hpp"
#include "world/wait.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <set>
#include <string>

namespace posthorn::system {
namespace {

using namespace std::chrono_literals;

class EventLoopTest : public testing::Test {
 protected:
  SystemClock clock_;
  std::unique_ptr<EventLoop> loop_ = *EventLoop::make(clock_);
};

TEST_F(EventLoopTest, PostsRunInOrderAndThoseTheyPostRunAfterwards) {
  std::string order;
  loop_->post([&] {
    order += 'a';
    loop_->post([&] {
      order += 'c';
      loop_->stop();
    });
  });
  loop_->post([&] { order += 'b'; });
  loop_->run();
  EXPECT_EQ(order, "abc");
}

TEST_F(EventLoopTest, TimersRunInOrderOfTimeAndACancelledOneNever) {
  std::string order;
  const auto start = loop_->now();
  loop_->start_timer(start + 3ms, [&] {
    order += 'c';
    loop_->stop();
  });
  loop_->start_timer(start - 1h, [&] { order += 'a'; });
  loop_->start_timer(start + 2ms, [&] { order += 'b'; });
  loop_->cancel_timer(loop_->start_timer(start + 1ms, [&] { order += 'x'; }));
  EXPECT_EQ(loop_->start_timer(never, [&] { order += 'y'; }), world::TimerId::none);
  loop_->run();
  EXPECT_EQ(order, "abc");
  EXPECT_GE(loop_->now(), start + 3ms);
}

TEST_F(EventLoopTest, ATimerThatStartsItselfAtOnceLeavesRoomForPosts) {
  bool posted_ran = false;
  std::move_only_function<void()> again = [&] {
    if (!posted_ran) loop_->start_timer(loop_->now(), [&] { again(); });
  };
  again();
  loop_->post([&] {
    posted_ran = true;
    loop_->stop();
  });
  loop_->run();
  EXPECT_TRUE(posted_ran);
}

TEST_F(EventLoopTest, StopBeforeRunIsNotLost) {
  loop_->stop();
  loop_->run();
  bool ran = false;
  loop_->post([&] {
    ran = true;
    loop_->stop();
  });
  loop_->run();
  EXPECT_TRUE(ran) << "and the loop can run again";
}

TEST_F(EventLoopTest, PostsOfManyThreadsAllArriveEachThreadsInOrder) {
  constexpr int threads = 4;
  constexpr int posts = 5'000;
  std::vector<int> last(threads, 0);
  int arrived = 0;
  std::vector<Thread> posters;
  for (int t = 0; t < threads; ++t) {
    posters.emplace_back("poster", [&, t] {
      for (int i = 1; i <= posts; ++i) {
        loop_->post([&, t, i] {
          EXPECT_EQ(last.at(static_cast<std::size_t>(t)) + 1, i);
          last.at(static_cast<std::size_t>(t)) = i;
          if (++arrived == threads * posts) loop_->stop();
        });
      }
    });
  }
  loop_->run();
  EXPECT_EQ(arrived, threads * posts);
}

TEST_F(EventLoopTest, CallbacksThatNeverRanAreDestroyedWithTheLoop) {
  auto witness = std::make_shared<int>(0);
  loop_->post([witness] {});
  loop_->start_timer(loop_->now() + 1h, [witness] {});
  EXPECT_EQ(witness.use_count(), 3);
  loop_.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(EventLoopTest, WorkIsDoneElsewhereAndItsResultComesBackToTheLoop) {
  WorkerThreads workers{{.name = "test", .threads = 2}};
  const auto here = std::this_thread::get_id();
  const auto task = [](EventLoop& loop, WorkerThreads& pool, std::thread::id home) -> world::Task<bool> {
    const auto there = co_await world::on_workers(pool, loop, [] { return std::this_thread::get_id(); });
    co_return there != home&& std::this_thread::get_id() == home;
  };
  EXPECT_TRUE(run_to_end(*loop_, task(*loop_, workers, here)));
}

TEST(WorkerThreads, WorkAtTheSameTimeAndFinishWhatIsQueued) {
  std::atomic<int> done = 0;
  std::latch together{3};
  {
    WorkerThreads workers{{.name = "test", .threads = 3}};
    for (int i = 0; i < 3; ++i) {
      workers.run([&] {
        together.arrive_and_wait();
        ++done;
      });
    }
    for (int i = 0; i < 100; ++i) workers.run([&] { ++done; });
  }
  EXPECT_EQ(done, 103);
}

TEST(WorkerThreads, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    WorkerThreads workers{{.name = "test"}};
    for (int i = 0; i < 50; ++i) workers.run([&order, i] { order.push_back(i); });
  }
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_EQ(order.size(), 50U);
}

TEST(KernelRandom, DoesNotRepeatItself) {
  KernelRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 1'000U);
  for (int i = 0; i < 1'000; ++i) EXPECT_LT(random.below(7), 7U);
}

TEST(SystemClock, RunsForwardsFromThisCentury) {
  SystemClock clock;
  const auto first = clock.now();
  EXPECT_GE(clock.now(), first);
  EXPECT_GT(clock.wall(), WallTime{std::chrono::seconds{1'700'000'000}});
}

}  // namespace
}  // namespace posthorn::system
