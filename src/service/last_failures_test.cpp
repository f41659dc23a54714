#include "service/last_failures.hpp"

#include <gtest/gtest.h>

namespace posthorn::service {
namespace {

TEST(LastFailures, TellsTheLastUntilItIsForgotten) {
  LastFailures failures([](const std::string&) { return true; });
  failures.note("a.example", "refused");
  failures.note("a.example", "timed out");
  EXPECT_EQ(failures.text_of("a.example"), "timed out");
  failures.forget("a.example");
  EXPECT_EQ(failures.text_of("a.example"), "");
  EXPECT_EQ(failures.size(), 0U);
}

TEST(LastFailures, GrowsWithWhatIsRememberedAndNotWithTime) {
  LastFailures failures([](const std::string& destination) { return destination.ends_with("7.example"); });
  for (int i = 0; i < 20'000; ++i) {
    failures.note(std::to_string(i) + ".example", "refused");
    ASSERT_LE(failures.size(), 4'001U);
  }
  EXPECT_EQ(failures.text_of("7.example"), "refused");
  EXPECT_EQ(failures.text_of("1.example"), "");
}

}  // namespace
}  // namespace posthorn::service
