#include "mail/program_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

using ::testing::ElementsAre;

std::string converted(std::string_view text, bool a_dot_ends, std::size_t piece) {
  ProgramText converter(a_dot_ends);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) out += converter.feed(text.substr(at, piece));
  out += converter.finish();
  return out;
}

TEST(ProgramText, makes_crlf_lines_however_it_is_cut) {
  struct Row {
    std::string_view name, in, with_dots, until_dot;
  };
  for (const auto& row : {
           Row{"LF", "a\nb\n", "a\r\nb\r\n", "a\r\nb\r\n"},
           Row{"CRLF", "a\r\nb\r\n", "a\r\nb\r\n", "a\r\nb\r\n"},
           Row{"CR", "a\rb\r", "a\r\nb\r\n", "a\r\nb\r\n"},
           Row{"no final line end", "a\nb", "a\r\nb\r\n", "a\r\nb\r\n"},
           Row{"nothing", "", "", ""},
           Row{"a lone dot", "a\n.\nb\n", "a\r\n.\r\nb\r\n", "a\r\n"},
           Row{"a lone dot and CRLF", "a\r\n.\r\nb\r\n", "a\r\n.\r\nb\r\n", "a\r\n"},
           Row{"a dot at the very end", "a\n.", "a\r\n.\r\n", "a\r\n"},
           Row{"dots that are text", "..\n.a\na.\n", "..\r\n.a\r\na.\r\n", "..\r\n.a\r\na.\r\n"},
           Row{"empty lines", "\n\na\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
       }) {
    for (const std::size_t piece : {1U, 2U, 3U, 100U}) {
      EXPECT_EQ(converted(row.in, false, piece), row.with_dots) << row.name << " in pieces of " << piece;
      EXPECT_EQ(converted(row.in, true, piece), row.until_dot) << row.name << " in pieces of " << piece;
    }
  }
}

TEST(ProgramText, finds_where_the_header_ends) {
  struct Row {
    std::string_view name, text;
    std::size_t octets, body_begins;
  };
  for (const auto& row : {
           Row{"an empty line", "To: a\r\nCc: b\r\n\r\nbody\r\n", 14, 16},
           Row{"a continuation", "To: a,\r\n b\r\n\r\n", 12, 14},
           Row{"no header at all", "hello there\r\n", 0, 0},
           Row{"a body that looks like prose with a colon", "this is: no field\r\n", 0, 0},
           Row{"an empty line first", "\r\nSubject: no\r\n", 0, 2},
           Row{"no empty line", "To: a\r\nhello\r\n", 7, 7},
           Row{"only a header", "To: a\r\n", 7, 7},
           Row{"an mbox line", "From a Mon Nov 30\r\nTo: a\r\n\r\n", 26, 28},
           Row{"a blank line of blanks is a continuation", "To: a\r\n \r\n\r\n", 10, 12},
       }) {
    const auto extent = find_header_end(row.text, true);
    ASSERT_TRUE(extent) << row.name;
    EXPECT_EQ(extent->octets, row.octets) << row.name;
    EXPECT_EQ(extent->body_begins, row.body_begins) << row.name;
  }
  EXPECT_FALSE(find_header_end("To: a\r\nCc", false)) << "there may be more";
  EXPECT_TRUE(find_header_end("To: a\r\n\r\n", false));
}

std::vector<std::string> recipients_of(std::string_view header) {
  std::vector<std::string> names;
  for (const auto& mailbox : read_program_header(header).recipients) names.push_back(mailbox.text);
  return names;
}

TEST(ProgramText, names_recipients_and_hides_the_hidden_ones) {
  const auto header = read_program_header(
      "From: root\r\nTo: Bob <bob@example.org>,\r\n\tcarl@example.org\r\nbcc: dora@example.org,\r\n eve@example.org\r\n"
      "Cc: frank\r\nSubject: x\r\n");
  EXPECT_EQ(header.kept,
            "From: root\r\nTo: Bob <bob@example.org>,\r\n\tcarl@example.org\r\nCc: frank\r\nSubject: x\r\n");
  EXPECT_EQ(header.from_fields, 1U);
  EXPECT_THAT(recipients_of("To: a@b\r\nBcc : c@d\r\nCc: undisclosed-recipients:;\r\n"), ElementsAre("a@b", "c@d"));
  EXPECT_THAT(recipients_of("To: a@b\r\nResent-To: c@d\r\nResent-Bcc: e@f\r\n"), ElementsAre("c@d", "e@f"));
  EXPECT_THAT(recipients_of("To: frank\r\n"), ElementsAre("frank"));
  EXPECT_EQ(read_program_header("From a@b Mon\r\nTo: a\r\n").kept, "To: a\r\n");
  EXPECT_THAT(recipients_of("Bcc:\r\nTo: a@b\r\n"), ElementsAre("a@b"));
}

}  // namespace
}  // namespace posthorn::mail
