#include "mail/date.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

using namespace std::chrono_literals;

TEST(Date, IsWrittenWithANumericZone) {
  const WallTime time{1'795'224'225s};
  EXPECT_EQ(to_date_time(time), "Sat, 21 Nov 2026 01:23:45 +0000");
  EXPECT_EQ(to_date_time(time, 5h + 30min), "Sat, 21 Nov 2026 06:53:45 +0530");
  EXPECT_EQ(to_date_time(time, -3h - 30min), "Fri, 20 Nov 2026 21:53:45 -0330");
  EXPECT_EQ(to_date_time(WallTime{1s} + 999'999us), "Thu, 1 Jan 1970 00:00:01 +0000");
  EXPECT_EQ(to_date_time(WallTime{1'709'164'800s}), "Thu, 29 Feb 2024 00:00:00 +0000");
}

TEST(Date, TimesThatTheGrammarCannotSayAreTheNearestItCan) {
  EXPECT_EQ(to_date_time(WallTime::min()), "Mon, 1 Jan 1900 00:00:00 +0000");
  EXPECT_EQ(to_date_time(WallTime::max()), "Fri, 31 Dec 9999 23:59:59 +0000");
  EXPECT_EQ(to_date_time(WallTime{0s}, 1000h), "Mon, 5 Jan 1970 03:59:00 +9959");
}

TEST(Date, TheExamplesOfRfc5322AreRead) {
  struct Row {
    const char* text;
    WallTime time;
    std::chrono::minutes zone;
  };
  for (const auto& [text, time, zone] : {
           Row{"Fri, 21 Nov 1997 09:55:06 -0600", WallTime{880'127'706s}, -6h},
           Row{"Tue, 1 Jul 2003 10:52:37 +0200", WallTime{1'057'049'557s}, 2h},
           Row{"Thu, 13 Feb 1969 23:32:54 -0330", WallTime{-27'723'426s}, -3h - 30min},
           Row{"21 Nov 97 09:55:06 GMT", WallTime{880'106'106s}, 0h},  // appendix A.6.2
           Row{"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland "
               "Time)",
               WallTime{-27'723'480s}, -3h - 30min},                                             // appendix A.5
           Row{"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", WallTime{880'127'706s}, -6h},  // appendix A.6.3
           Row{"sat, 21 nov 2026 01:23:45 +0000", WallTime{1'795'224'225s}, 0h},
           Row{"21 Nov 2026 01:23:45 pst", WallTime{1'795'253'025s}, -8h},
           Row{"21 Nov 2026 01:23:45 Z", WallTime{1'795'224'225s}, 0h},
           Row{"21 Nov 2026 01:23:45 XYZ", WallTime{1'795'224'225s}, 0h},
           Row{"21 Nov 126 01:23:45 +0000", WallTime{1'795'224'225s}, 0h},
           Row{"1 Jan 49 0:00 +0000", WallTime{2'493'072'000s}, 0h},
           Row{"30 Jun 2012 23:59:60 +0000", WallTime{1'341'100'800s}, 0h},
           Row{"(a (nested) one) 21 Nov 97 (2000) 09:55:06 GMT ()", WallTime{880'106'106s}, 0h},
       }) {
    const auto read = parse_date_time(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->time, time) << text;
    EXPECT_EQ(read->zone, zone) << text;
  }
}

TEST(Date, OtherTextIsNone) {
  for (const auto* text : {"",
                           "yesterday",
                           "Sat, 21 Nov 2026",
                           "Sat, 21 Nov 2026 01:23:45",
                           "Sat 21 Nov 2026 01:23:45 +0000",
                           "Sun, 31 Feb 2026 00:00:00 +0000",
                           "29 Feb 2026 00:00:00 +0000",
                           "0 Jan 2026 00:00:00 +0000",
                           "1 Jan 2026 24:00:00 +0000",
                           "1 Jan 2026 00:60:00 +0000",
                           "1 Jan 2026 00:00:61 +0000",
                           "1 Jan 2026 00:00:00 +000",
                           "1 Jan 2026 00:00:00 +0060",
                           "1 Jan 2026 00:00:00 0000",
                           "1 Jan 1899 00:00:00 +0000",
                           "1 Jan 20260 00:00:00 +0000",
                           "1 Foo 2026 00:00:00 +0000",
                           "1 January 2026 00:00:00 +0000",
                           "1 Jan 2026 00:00:00 +0000 more",
                           "1 Jan 2026 00:00:00 +0000 (open",
                           "2026-11-21T01:23:45Z"}) {
    EXPECT_FALSE(parse_date_time(text)) << text;
  }
}

TEST(Date, ComesBackFromItsText) {
  for (const auto zone : {0min, 90min, -12h + 0min, 14h + 0min}) {
    for (std::int64_t second = -2'000'000'000; second < 8'000'000'000; second += 777'777'777) {
      const DateTime expected{WallTime{std::chrono::seconds{second}}, zone};
      EXPECT_EQ(parse_date_time(to_date_time(expected.time, zone)), expected);
    }
  }
}

}  // namespace
}  // namespace posthorn::mail
