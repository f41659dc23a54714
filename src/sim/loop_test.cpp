#include "sim/loop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace posthorn::sim {
namespace {

using namespace std::chrono_literals;

TEST(SimLoop, WhatWasPostedRunsBeforeTheTimersOfItsMoment) {
  for (const std::uint64_t seed : {0U, 5U}) {
    Loop loop{seed};
    std::string order;
    loop.start_timer(loop.now(), [&] {
      order += 'a';
      loop.start_timer(loop.now() + 1s, [&order] { order += 'd'; });
      loop.post([&order] { order += 'b'; });
      loop.post([&order] { order += 'c'; });
    });
    loop.run();
    EXPECT_EQ(order, "abcd");
  }
}

TEST(SimLoop, DeadlinesThatNeverComeChangeNothing) {
  Loop loop{3};
  std::vector<int> order;
  for (int number = 0; number < 1000; ++number) {
    loop.start_timer(loop.now() + Duration{1000 - number}, [&order, number] { order.push_back(number); });
    const auto deadline = loop.start_timer(loop.now() + 1s, [] { FAIL() << "was cancelled"; });
    loop.cancel_timer(deadline);
    loop.cancel_timer(deadline);
  }
  EXPECT_EQ(loop.next_event(), loop.now() + Duration{1});
  loop.run();
  ASSERT_EQ(order.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(order, std::ranges::greater{}));
  EXPECT_TRUE(loop.idle());
}

std::uint64_t hash_of(const Loop& loop) {
  RunningHash hash;
  loop.mix_into(hash);
  return hash.value();
}

TEST(SimLoop, ItsHashTellsWhatIsToRunAndWhen) {
  Loop one{7};
  Loop other{7};
  EXPECT_EQ(hash_of(one), hash_of(other));
  const auto timer = one.start_timer(one.now() + 1s, [] {});
  EXPECT_NE(hash_of(one), hash_of(other));
  other.start_timer(other.now() + 1s, [] {});
  EXPECT_EQ(hash_of(one), hash_of(other));
  one.cancel_timer(timer);
  EXPECT_NE(hash_of(one), hash_of(other));
}

}  // namespace
}  // namespace posthorn::sim
