#include "smtp/reply_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {
namespace {

/// What the parser makes of the bytes: replies as "code:line|line", a fault as "!number", something unfinished as "…".
std::string read_all(std::string_view bytes, std::size_t step, ReplyParser::Settings settings = {}) {
  ReplyParser parser(settings);
  std::string heard;
  while (!bytes.empty() && !parser.fault()) {
    const auto piece = bytes.substr(0, step);
    bytes.remove_prefix(parser.read(piece));
    if (!parser.has_reply()) continue;
    const auto reply = parser.take();
    heard += std::to_string(reply.code) + ":";
    for (const auto& line : reply.lines) heard += line + "|";
    heard += "\n";
  }
  if (parser.fault()) heard += "!" + std::to_string(static_cast<int>(*parser.fault()));
  if (parser.is_inside_reply()) heard += "…";
  return heard;
}

std::string fault_text(ReplyFault fault) { return "!" + std::to_string(static_cast<int>(fault)); }

TEST(ReplyParser, ReadsRepliesHoweverTheyWereCut) {
  struct Row {
    const char* name;
    std::string bytes;
    std::string heard;
  };
  for (const auto& [name, bytes, heard] : std::vector<Row>{
           {"one line", "250 OK\r\n", "250:OK|\n"},
           {"several lines", "250-a\r\n250-b\r\n250 c\r\n", "250:a|b|c|\n"},
           {"several replies", "220 a\r\n250 b\r\n", "220:a|\n250:b|\n"},
           {"a code alone", "250\r\n", "250:|\n"},
           {"a code and a space", "250 \r\n", "250:|\n"},
           {"stars, as some firewalls make of a greeting", "220 ****************\r\n", "220:****************|\n"},
           {"a bare LF ends a line too", "250-a\n250 b\n", "250:a|b|\n"},
           {"8-bit and control characters are text", "550 \xff\x01\r\n", "550:\xff\x01|\n"},
           {"an enhanced status stays in the text", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "550:5.1.1 a|5.1.1 b|\n"},
           {"half a reply", "250-a\r\n250", "…"},
           {"half a line", "25", "…"},
           {"nothing", "", ""},
       }) {
    for (const std::size_t step : {1U, 2U, 3U, 7U, 1000U})
      EXPECT_EQ(read_all(bytes, step), heard) << name << ", step " << step;
  }
}

TEST(ReplyParser, FindsOutWhatIsNoReply) {
  struct Row {
    const char* name;
    std::string bytes;
    ReplyFault fault;
  };
  for (const auto& [name, bytes, fault] : std::vector<Row>{
           {"another protocol", "SSH-2.0-OpenSSH\r\n", ReplyFault::bad_code},
           {"an empty line", "\r\n", ReplyFault::bad_code},
           {"1yz", "150 wait\r\n", ReplyFault::bad_code},
           {"6yz", "600", ReplyFault::bad_code},
           {"two digits", "25\r\n", ReplyFault::bad_code},
           {"four digits", "2500 OK\r\n", ReplyFault::bad_separator},
           {"another separator", "250_OK\r\n", ReplyFault::bad_separator},
           {"a CR after the code", "250\rx\r\n", ReplyFault::bad_separator},
           {"codes that differ", "250-a\r\n251 b\r\n", ReplyFault::codes_differ},
           {"NUL", std::string("250 a\0b\r\n", 9), ReplyFault::nul},
           {"NUL in a line that is no reply", std::string("hello\0\r\n", 8), ReplyFault::bad_code},
       }) {
    for (const std::size_t step : {1U, 2U, 1000U})
      EXPECT_EQ(read_all(bytes, step), fault_text(fault)) << name << ", step " << step;
  }
}

TEST(ReplyParser, IsBounded) {
  const ReplyParser::Settings small{.line_octets = 20, .lines = 3};
  const auto longest = "250 " + std::string(16, 'x') + "\r\n";
  for (const std::size_t step : {1U, 5U, 1000U}) {
    EXPECT_EQ(read_all(longest, step, small), "250:" + std::string(16, 'x') + "|\n");
    EXPECT_EQ(read_all("250 " + std::string(17, 'x') + "\r\n", step, small), fault_text(ReplyFault::line_too_long));
    EXPECT_EQ(read_all("250 " + std::string(5000, 'x'), step, small), fault_text(ReplyFault::line_too_long));
    EXPECT_EQ(read_all("250-a\r\n250-b\r\n250 c\r\n", step, small), "250:a|b|c|\n");
    EXPECT_EQ(read_all("250-a\r\n250-b\r\n250-c\r\n250 d\r\n", step, small), fault_text(ReplyFault::too_many_lines));
  }
}

TEST(ReplyParser, TakesNothingPastAReply) {
  ReplyParser parser;
  EXPECT_EQ(parser.read("220 a\r\n250 b\r\n"), 7U);
  EXPECT_EQ(parser.read("250 b\r\n"), 0U) << "until the reply is taken";
  EXPECT_EQ(parser.take().lines, std::vector<std::string>{"a"});
  EXPECT_EQ(parser.read("250 b\r\n"), 7U);
}

TEST(ReplyParser, StartsAnewAfterReset) {
  ReplyParser parser;
  parser.read("garbage");
  EXPECT_TRUE(parser.fault());
  parser.reset();
  parser.read("250 OK\r\n");
  EXPECT_EQ(parser.take().text(), "OK");
}

TEST(PeerReply, StatusIsTheFirstOfItsClass) {
  EXPECT_EQ((PeerReply{550, {"words", "5.1.1 more"}}.status()), (mail::EnhancedStatus{5, 1, 1}));
  EXPECT_EQ((PeerReply{550, {"2.1.1 words"}}.status()), std::nullopt) << "a status of another class is none";
  EXPECT_EQ((PeerReply{250, {"OK"}}.status()), std::nullopt);
  EXPECT_EQ((PeerReply{550, {"a", "b"}}.text()), "a b");
}

}  // namespace
}  // namespace posthorn::smtp
