#include "base/clean_text.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace posthorn {
namespace {

TEST(LogText, ShowsWhatWouldHide) {
  struct Row {
    std::string_view raw;
    const char* shown;
  };
  for (const auto& [raw, shown] : {
           Row{"", ""},
           Row{"plain text, 100 %", "plain text, 100 %"},
           Row{"Grüße 📯", "Grüße 📯"},
           Row{"550-no\r\n550 user", "550-no\\r\\n550 user"},
           Row{std::string_view("a\0b", 3), "a\\x00b"},
           Row{"\x1b[31mred\x7f", "\\x1b[31mred\\x7f"},
           Row{"tab\there", "tab\\there"},
           Row{"latin \xe9t\xe9", "latin \\xe9t\\xe9"},
           Row{"cut \xe2\x82", "cut \\xe2\\x82"},
           Row{"\xc2\x9b"
               "2J",
               "\\u{9b}2J"},
           Row{"exe.\u202egnp", "exe.\\u{202e}gnp"},
           Row{"line\u2028end", "line\\u{2028}end"},
       }) {
    EXPECT_EQ(LogText(raw).text(), shown);
  }
}

TEST(LogText, IsBounded) {
  EXPECT_EQ(LogText("12345", 5).text(), "12345");
  EXPECT_EQ(LogText("123456", 5).text(), "12345…");
  EXPECT_EQ(LogText("1234\n", 5).text(), "1234…");
  EXPECT_EQ(LogText("1234\n", 6).text(), "1234\\n");
  EXPECT_EQ(LogText("ééé", 5).text(), "éé…");
  EXPECT_LE(LogText(std::string(1 << 20, '\x01')).text().size(), LogText::usual_limit + 3);
}

TEST(ReplyText, CannotEndTheReply) {
  EXPECT_EQ(ReplyText("ok\r\n250 forged").text(), "ok??250 forged");
  EXPECT_EQ(ReplyText(std::string_view("\0\x7f\t", 3)).text(), "???");
  EXPECT_EQ(ReplyText("Grüße").text(), "Gr??e");
  EXPECT_EQ(ReplyText("Grüße \xff", ReplyText::Charset::utf8).text(), "Grüße ?");
  EXPECT_EQ(ReplyText("a\u2028b\xc2\x85", ReplyText::Charset::utf8).text(), "a?b?");
}

TEST(ReplyText, IsBounded) {
  EXPECT_EQ(ReplyText("abcdef", ReplyText::Charset::ascii, 3).text(), "abc");
  EXPECT_EQ(ReplyText("aéé", ReplyText::Charset::utf8, 4).text(), "aé?");
  EXPECT_EQ(ReplyText(std::string(1 << 20, 'x')).text().size(), ReplyText::usual_limit);
}

TEST(CleanText, EveryOctetAndPairComesOutClean) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string raw{static_cast<char>(first), static_cast<char>(second)};
      const LogText log(raw);
      EXPECT_TRUE(utf8::is_valid(log.text()) && std::ranges::none_of(log.text(), ascii::is_control)) << log.text();
      const ReplyText reply(raw);
      EXPECT_TRUE(std::ranges::all_of(reply.text(), ascii::is_printable)) << reply.text();
    }
  }
}

}  // namespace
}  // namespace posthorn
