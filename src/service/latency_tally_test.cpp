#include "service/latency_tally.hpp"

#include <gtest/gtest.h>

namespace posthorn::service {
namespace {

using std::chrono::milliseconds;

TEST(LatencyTally, tells_percentiles_to_a_few_percent) {
  LatencyTally tally;
  for (int each = 1; each <= 1000; ++each) tally.add(milliseconds{each});
  const auto close = [](Duration got, Duration wanted) {
    const auto ratio = static_cast<double>(got.count()) / static_cast<double>(wanted.count());
    return ratio > 0.98 && ratio < 1.02;
  };
  EXPECT_TRUE(close(tally.percentile(0.5), milliseconds{500}));
  EXPECT_TRUE(close(tally.percentile(0.99), milliseconds{990}));
  EXPECT_EQ(tally.longest(), milliseconds{1000});
  EXPECT_EQ(tally.percentile(1.0), milliseconds{1000});
  LatencyTally both;
  both.add(tally);
  both.add(tally);
  EXPECT_EQ(both.count(), 2000U);
  EXPECT_EQ(both.percentile(0.5), tally.percentile(0.5));
}

TEST(LatencyTally, takes_the_shortest_and_the_longest) {
  LatencyTally tally;
  EXPECT_EQ(tally.percentile(0.5), Duration{});
  for (const auto each : {Duration{-1}, Duration{}, Duration{1}, Duration::max()}) tally.add(each);
  EXPECT_EQ(tally.count(), 4U);
  EXPECT_EQ(tally.longest(), Duration::max());
  EXPECT_EQ(tally.percentile(0), Duration{});
}

}  // namespace
}  // namespace posthorn::service
