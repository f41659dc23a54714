#include "mail/header_field.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace posthorn::mail {
namespace {

std::vector<HeaderField> fields_of(std::string_view message) {
  HeaderReader reader(message);
  std::vector<HeaderField> fields;
  while (const auto field = reader.next()) fields.push_back(*field);
  return fields;
}

TEST(HeaderField, EachFieldIsCutOut) {
  const auto fields = fields_of("From: a\r\nSubject : one\r\n\ttwo\r\n  three\r\nX:\r\n\r\nNot: this\r\n");
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[0].name, "From");
  EXPECT_EQ(fields[0].value, " a");
  EXPECT_EQ(fields[0].raw, "From: a\r\n");
  EXPECT_TRUE(fields[1].is("SUBJECT"));
  EXPECT_EQ(fields[1].value, " one\r\n\ttwo\r\n  three");
  EXPECT_EQ(unfolded(fields[1].value), "one\ttwo  three");
  EXPECT_EQ(fields[2].value, "");
}

TEST(HeaderField, LinesThatAreNoFieldAreKept) {
  const auto fields = fields_of(" first\r\n second\r\nFrom me Sat\r\nFrom: b\r\n: c\r\n \r\nTo: d");
  ASSERT_EQ(fields.size(), 5U);
  EXPECT_EQ(fields[0].name, "");
  EXPECT_EQ(fields[0].raw, " first\r\n second\r\n");
  EXPECT_EQ(fields[1].name, "");
  EXPECT_TRUE(fields[2].is("from"));
  EXPECT_EQ(fields[3].raw, ": c\r\n \r\n");
  EXPECT_EQ(fields[4].value, " d");
}

TEST(HeaderField, TheBodyFollowsTheEmptyLine) {
  struct Row {
    const char* message;
    const char* body;
  };
  for (const auto& [message, body] : {
           Row{"A: b\r\n\r\nbody\r\n", "body\r\n"},
           Row{"A: b\n\nbody\n", "body\n"},
           Row{"\r\nbody", "body"},
           Row{"A: b\r\n\r\n\r\nbody", "\r\nbody"},
           Row{"A: b\r\n", ""},
           Row{"A: b\r\n\r\n", ""},
           Row{"", ""},
       }) {
    HeaderReader reader(message);
    while (reader.next()) {
    }
    EXPECT_EQ(reader.body(), body);
    EXPECT_EQ(reader.next(), std::nullopt) << "the end stays the end";
  }
}

}  // namespace
}  // namespace posthorn::mail
