#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

TEST(Utf8, ValidTextIsReadPointByPoint) {
  struct Row {
    const char* text;
    char32_t point;
    std::size_t octets;
  };
  for (const auto& [text, point, octets] : {
           Row{"A", 0x41, 1},
           Row{"\x7f", 0x7f, 1},
           Row{"\xc2\x80", 0x80, 2},
           Row{"\xdf\xbf", 0x7ff, 2},
           Row{"\xe0\xa0\x80", 0x800, 3},
           Row{"\xed\x9f\xbf", 0xd7ff, 3},
           Row{"\xee\x80\x80", 0xe000, 3},
           Row{"\xef\xbf\xbf", 0xffff, 3},
           Row{"\xf0\x90\x80\x80", 0x10000, 4},
           Row{"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
       }) {
    const auto read = utf8::first_of(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->value, point);
    EXPECT_EQ(read->octets, octets);
    std::string written;
    utf8::append(written, point);
    EXPECT_EQ(written, text);
  }
}

TEST(Utf8, WhatIsNotUtf8IsRefused) {
  struct Row {
    const char* name;
    std::string_view text;
  };
  for (const auto& [name, text] : {
           Row{"lone continuation", "\x80"},
           Row{"overlong slash in two", "\xc0\xaf"},
           Row{"overlong in two, largest", "\xc1\xbf"},
           Row{"overlong in three", "\xe0\x9f\xbf"},
           Row{"overlong in four", "\xf0\x8f\xbf\xbf"},
           Row{"first surrogate", "\xed\xa0\x80"},
           Row{"last surrogate", "\xed\xbf\xbf"},
           Row{"past the end of Unicode", "\xf4\x90\x80\x80"},
           Row{"five octets", "\xf8\x88\x80\x80\x80"},
           Row{"cut after one", "\xe2"},
           Row{"cut after two", "\xe2\x82"},
           Row{"cut by a letter", "\xe2\x82z"},
           Row{"0xff", "\xff"},
       }) {
    EXPECT_FALSE(utf8::is_valid(text)) << name;
    EXPECT_FALSE(utf8::is_valid("before " + std::string(text))) << name;
  }
  EXPECT_TRUE(utf8::is_valid(""));
  EXPECT_TRUE(utf8::is_valid("Bücher, 書籍, 📚"));
}

TEST(Utf8, APrefixCutsBetweenPoints) {
  EXPECT_EQ(utf8::prefix("aé書📚", 100), "aé書📚");
  EXPECT_EQ(utf8::prefix("aé書📚", 9), "aé書");
  EXPECT_EQ(utf8::prefix("aé書📚", 6), "aé書");
  EXPECT_EQ(utf8::prefix("aé書📚", 5), "aé");
  EXPECT_EQ(utf8::prefix("aé", 2), "a");
  EXPECT_EQ(utf8::prefix("aé", 0), "");
}

}  // namespace
}  // namespace posthorn
