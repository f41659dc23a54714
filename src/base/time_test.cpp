#include "base/time.hpp"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

using namespace std::chrono_literals;

TEST(Time, Rfc3339CountsFromTheEpoch) {
  EXPECT_EQ(to_rfc3339(WallTime{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339(WallTime{1'795'224'225s}), "2026-11-21T01:23:45Z");
  EXPECT_EQ(to_rfc3339_micros(WallTime{1'795'224'225'000'042us}), "2026-11-21T01:23:45.000042Z");
}

TEST(Time, TheYearsBefore1970AndAfter2038AreOrdinary) {
  EXPECT_EQ(to_rfc3339(WallTime{-1s}), "1969-12-31T23:59:59Z");
  EXPECT_EQ(to_rfc3339(WallTime{4'102'444'800s}), "2100-01-01T00:00:00Z");
}

TEST(Time, DurationsReadAsPeopleWriteThem) {
  EXPECT_EQ(to_text(0s), "0s");
  EXPECT_EQ(to_text(999ms), "0s");
  EXPECT_EQ(to_text(30s), "30s");
  EXPECT_EQ(to_text(90min), "1h30m");
  EXPECT_EQ(to_text(120h), "5d");
}

TEST(Time, ADeadlinePastTheEndOfTimeIsNever) {
  EXPECT_EQ(after(MonotonicTime{5s}, 1s), MonotonicTime{6s});
  EXPECT_EQ(after(never, 1s), never);
  EXPECT_EQ(after(never - 1ns, 1h), never);
}

}  // namespace
}  // namespace posthorn
