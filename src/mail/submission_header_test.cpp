#include "mail/submission_header.hpp"

#include "mail/message_scanner.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace posthorn::mail {
namespace {

struct Result {
  std::string text;
  std::string from;
  std::uint32_t from_fields = 0;

  bool operator==(const Result&) const = default;
};

Result filtered(std::string_view text, std::size_t piece) {
  SubmissionHeader header;
  Result result;
  for (std::size_t at = 0; at < text.size(); at += piece) result.text += header.feed(text.substr(at, piece));
  result.text += header.finish();
  result.from = header.from();
  result.from_fields = header.from_fields();
  return result;
}

struct Row {
  const char* name;
  std::string_view text;
  std::string_view wanted;
};

constexpr Row rows[] = {
    {"nothing to take out", "From: a@b\r\nTo: c@d\r\n\r\nBcc: body\r\n", "From: a@b\r\nTo: c@d\r\n\r\nBcc: body\r\n"},
    {"one", "Bcc: x@y\r\nTo: c@d\r\n\r\nbody", "To: c@d\r\n\r\nbody"},
    {"last field", "To: c@d\r\nbcc: x@y\r\n\r\nbody", "To: c@d\r\n\r\nbody"},
    {"folded", "To: c@d\r\nBCC: x@y,\r\n\tz@y,\r\n w@y\r\nSubject: s\r\n\r\n", "To: c@d\r\nSubject: s\r\n\r\n"},
    {"blanks before the colon", "Bcc \t : x@y\r\n\r\n", "\r\n"},
    {"several", "Bcc: x@y\r\nA: b\r\nBcc:\r\n\r\n", "A: b\r\n\r\n"},
    {"names that begin alike", "Bccx: a\r\nBc: b\r\nBcc-: c\r\nResent-Bcc: d\r\n\r\n",
     "Bccx: a\r\nBc: b\r\nBcc-: c\r\nResent-Bcc: d\r\n\r\n"},
    {"no field", "Bcc\r\nBcc x: y\r\n: z\r\n\r\n", "Bcc\r\nBcc x: y\r\n: z\r\n\r\n"},
    {"a blank line of blanks goes on with the field", "Bcc: x@y\r\n \r\nTo: c@d\r\n\r\n", "To: c@d\r\n\r\n"},
    {"no header", "\r\nBcc: x\r\n", "\r\nBcc: x\r\n"},
    {"header without end", "To: c@d\r\nBcc: x", "To: c@d\r\n"},
    {"name without end", "To: c@d\r\nBcc", "To: c@d\r\nBcc"},
    {"empty", "", ""},
    {"begins with a blank", " Bcc: x\r\nTo: y\r\n\r\n", " Bcc: x\r\nTo: y\r\n\r\n"},
};

TEST(SubmissionHeader, TakesOutBccAndNothingElse) {
  for (const auto& row : rows) {
    for (const auto piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1000}}) {
      EXPECT_EQ(filtered(row.text, piece).text, row.wanted) << row.name << ", pieces of " << piece;
    }
  }
}

TEST(SubmissionHeader, KeepsTheFirstFromAndCountsAll) {
  const auto result = filtered("From : Alice\r\n <a@b>\r\nTo: x\r\nfrom: b@c\r\n\r\nFrom: body\r\n", 5);
  EXPECT_EQ(result.from, " Alice\r\n <a@b>\r\n");
  EXPECT_EQ(result.from_fields, 2U);
}

TEST(SubmissionHeader, AFromThatGoesOnForEverIsToldOf) {
  SubmissionHeader header;
  static_cast<void>(header.feed("From: a@b,\r\n"));
  for (int i = 0; i < 2'000; ++i)
    static_cast<void>(header.feed(" aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b,\r\n"));
  EXPECT_TRUE(header.is_from_too_long());
  EXPECT_LE(header.from().size(), SubmissionHeader::most_from_octets);
}

TEST(SubmissionHeader, AgreesWithTheScanner) {
  for (const auto& row : rows) {
    MessageScanner scanner({});
    scanner.feed(filtered(row.text, 1000).text);
    scanner.finish();
    EXPECT_EQ(scanner.facts().bcc_fields, 0U) << row.name;
  }
}

}  // namespace
}  // namespace posthorn::mail
