#include "mail/transfer_encoding.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

using namespace std::string_view_literals;

TEST(QuotedPrintable, WhatMustBeIsQuoted) {
  struct Row {
    std::string_view text;
    std::string encoded;
  };
  for (const auto& [text, encoded] : {
           Row{"", ""},
           Row{"plain text!\r\n", "plain text!\r\n"},
           Row{"a=b\r\n", "a=3Db\r\n"},
           Row{"Grüße\r\n", "Gr=C3=BC=C3=9Fe\r\n"},
           Row{"blank \r\ntab\t\r\n \r\nend ", "blank=20\r\ntab=09\r\n=20\r\nend=20"},
           Row{"in side\ttoo", "in side\ttoo"},
           Row{"bare\rand\nand\r\r\n", "bare=0Dand=0Aand=0D\r\n"},
           Row{"\0\x7f\xff"sv, "=00=7F=FF"},
           Row{"\r\n\r\nx", "\r\n\r\nx"},
           Row{"no line end", "no line end"},
       }) {
    EXPECT_EQ(encode_quoted_printable(text), encoded);
  }
}

TEST(QuotedPrintable, LinesHaveAtMost76Octets) {
  const std::string full(76, 'x');
  EXPECT_EQ(encode_quoted_printable(full + "\r\n"), full + "\r\n");
  EXPECT_EQ(encode_quoted_printable(full + "y"), std::string(75, 'x') + "=\r\nxy");
  EXPECT_EQ(encode_quoted_printable(std::string(74, 'x') + "="), std::string(74, 'x') + "=\r\n=3D");
  EXPECT_EQ(encode_quoted_printable(std::string(73, 'x') + "="), std::string(73, 'x') + "=3D");
  EXPECT_EQ(encode_quoted_printable(std::string(75, 'x') + "\xff" + "yy"), std::string(75, 'x') + "=\r\n=FFyy");
  EXPECT_EQ(encode_quoted_printable(std::string(75, 'x') + " "), std::string(75, 'x') + "=\r\n=20");
}

TEST(Base64Lines, HaveAtMost76Octets) {
  EXPECT_EQ(encode_base64_lines(""), "");
  EXPECT_EQ(encode_base64_lines("foobar"), "Zm9vYmFy\r\n");
  const std::string line(57, '\0');
  EXPECT_EQ(encode_base64_lines(line), std::string(76, 'A') + "\r\n");
  EXPECT_EQ(encode_base64_lines(line + '\0'), std::string(76, 'A') + "\r\nAA==\r\n");
}

}  // namespace
}  // namespace posthorn::mail
