#include "mail/enhanced_status.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

TEST(EnhancedStatus, TextAndBack) {
  for (const auto* text : {"2.0.0", "4.7.1", "5.1.10", "5.999.999"}) {
    ASSERT_TRUE(EnhancedStatus::parse(text)) << text;
    EXPECT_EQ(EnhancedStatus::parse(text)->to_string(), text);
  }
  EXPECT_EQ(EnhancedStatus::parse("5.1.1"), (EnhancedStatus{5, 1, 1}));
  EXPECT_TRUE((EnhancedStatus{5, 1, 1}.is_permanent()));
}

TEST(EnhancedStatus, OtherTextIsNone) {
  for (const auto* text : {"", "5", "5.1", "5.1.", "3.1.1", "1.0.0", "05.1.1", "5.01.1", "5.1.1000", "5.1.1 ",
                           "5.1.1.1", "5.-1.1", "5.1.x", "52.1.1"}) {
    EXPECT_FALSE(EnhancedStatus::parse(text)) << text;
  }
}

TEST(EnhancedStatus, StandsAtTheStartOfAReply) {
  EXPECT_EQ(EnhancedStatus::at_start_of("4.2.0 Greylisted"), (EnhancedStatus{4, 2, 0}));
  EXPECT_EQ(EnhancedStatus::at_start_of("5.1.1"), (EnhancedStatus{5, 1, 1}));
  EXPECT_EQ(EnhancedStatus::at_start_of("5.1.1x"), std::nullopt);
  EXPECT_EQ(EnhancedStatus::at_start_of("no such user 5.1.1"), std::nullopt);
  EXPECT_EQ(EnhancedStatus::at_start_of("4.0.25.in-addr.arpa has no name"), std::nullopt);
}

}  // namespace
}  // namespace posthorn::mail
