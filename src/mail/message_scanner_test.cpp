#include "mail/message_scanner.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

using namespace std::string_view_literals;

MessageScanner scanned(std::string_view message, const MessageScanner::Settings& settings = {}) {
  MessageScanner scanner(settings);
  scanner.feed(message);
  scanner.finish();
  return scanner;
}

MessageFacts facts_of(std::string_view message, const MessageScanner::Settings& settings = {}) {
  return scanned(message, settings).facts();
}

constexpr std::string_view ordinary =
    "Received: from a\r\n\tby b; Sat, 21 Nov 2026 01:23:45 +0000\r\n"
    "RECEIVED : from c\r\n"
    "Delivered-To: alice@example.org\r\n"
    "From: a@example.org\r\n"
    "Date: Sat, 21 Nov 2026 01:23:45 +0000\r\n"
    "Message-ID:\r\n <1@example.org>\r\n"
    "\r\n"
    "From: not a field\r\n"
    "\r\n"
    "the end\r\n";

TEST(MessageScanner, TellsWhatAnOrdinaryMessageIs) {
  const auto facts = facts_of(ordinary);
  EXPECT_EQ(facts.octets, ordinary.size());
  EXPECT_EQ(facts.header_octets, ordinary.find("\r\n\r\n") + 4);
  EXPECT_EQ(facts.lines, 12U);
  EXPECT_EQ(facts.header_fields, 6U);
  EXPECT_EQ(facts.received_fields, 2U);
  EXPECT_EQ(facts.from_fields, 1U);
  EXPECT_EQ(facts.date_fields, 1U);
  EXPECT_EQ(facts.message_id_fields, 1U);
  EXPECT_EQ(facts.malformed_header_lines, 0U);
  EXPECT_EQ(facts.longest_line, 40U);
  EXPECT_TRUE(facts.header_ended && facts.ends_with_crlf);
  EXPECT_FALSE(facts.header_has_8bit || facts.body_has_8bit);
  EXPECT_EQ(facts.fault, std::nullopt);
}

TEST(MessageScanner, FindsWhatCannotBeTaken) {
  struct Row {
    const char* name;
    std::string_view message;
    std::optional<MessageFault> fault;
  };
  using enum MessageFault;
  for (const auto& [name, message, fault] : {
           Row{"clean", "A: b\r\n\r\nbody\r\n", std::nullopt},
           Row{"empty", "", std::nullopt},
           Row{"bare LF in the body", "A: b\r\n\r\nbo\ndy\r\n", bare_lf},
           Row{"bare LF in the header", "A: b\nC: d\r\n\r\n", bare_lf},
           Row{"bare LF first", "\nbody", bare_lf},
           Row{"LF after CR LF", "A: b\r\n\n", bare_lf},
           Row{"bare CR in the body", "A: b\r\n\r\nbo\rdy\r\n", bare_cr},
           Row{"bare CR in the header", "A: b\rC: d\r\n\r\n", bare_cr},
           Row{"CR CR LF", "A: b\r\n\r\nbody\r\r\n", bare_cr},
           Row{"CR at the end", "A: b\r\n\r\nbody\r", bare_cr},
           Row{"LF dot LF", "A: b\r\n\r\nbody\n.\n", bare_lf},
           Row{"CR dot CR", "A: b\r\n\r\nbody\r.\rmore\r\n", bare_cr},
           Row{"NUL in the body", "A: b\r\n\r\n\0\r\n"sv, nul},
           Row{"NUL in the header", "A: \0\r\n\r\n"sv, nul},
           Row{"NUL in a name", "\0A: b\r\n\r\n"sv, nul},
       }) {
    EXPECT_EQ(facts_of(message).fault, fault) << name;
  }
}

TEST(MessageScanner, ObservesItsLimits) {
  const MessageScanner::Settings settings{
      .octets = 200, .line_octets = 40, .header_octets = 120, .header_fields = 4, .received_fields = 2};
  struct Row {
    const char* name;
    std::string message;
    std::optional<MessageFault> fault;
  };
  using enum MessageFault;
  const std::string head = "A: b\r\n\r\n";
  for (const auto& [name, message, fault] : {
           Row{"line at the limit", head + std::string(38, 'x') + "\r\n", std::nullopt},
           Row{"line past the limit", head + std::string(39, 'x') + "\r\n", line_too_long},
           Row{"last line past the limit", head + std::string(41, 'x'), line_too_long},
           Row{"header line past the limit", "A: " + std::string(40, 'x') + "\r\n\r\n", line_too_long},
           Row{"fields at the limit", "A:\r\nB:\r\nC:\r\nD:\r\n\r\n", std::nullopt},
           Row{"fields past the limit", "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\n\r\n", too_many_fields},
           Row{"junk lines past the limit", "a\r\nb\r\nc\r\nd\r\ne\r\n", too_many_fields},
           Row{"folded lines are no fields", "A:\r\n b\r\n c\r\n d\r\n e\r\n\r\n", std::nullopt},
           Row{"hops at the limit", "Received:\r\nreceived:\r\n\r\n", std::nullopt},
           Row{"hops past the limit", "Received:\r\nreceived:\r\nReCeIvEd :\r\n\r\n", too_many_hops},
           Row{"received fields in the body", "A:\r\n\r\nReceived:\r\nReceived:\r\nReceived:\r\n", std::nullopt},
           Row{"header past the limit",
               [] {
                 std::string text = "A:\r\n";
                 for (int i = 0; i < 30; ++i) text += " x\r\n";
                 return text;
               }(),
               header_too_large},
           Row{"message past the limit",
               [&] {
                 auto text = head;
                 for (int i = 0; i < 100; ++i) text += "\r\n";
                 return text;
               }(),
               too_large},
       }) {
    EXPECT_EQ(facts_of(message, settings).fault, fault) << name;
  }
}

TEST(MessageScanner, KnowsWhatAFieldIs) {
  struct Row {
    const char* name;
    std::string_view message;
    unsigned fields;
    unsigned malformed;
    unsigned from;
  };
  for (const auto& [name, message, fields, malformed, from] : {
           Row{"blank before the colon", "From \t : a@b\r\n\r\n", 1, 0, 1},
           Row{"any case", "fRoM:a\r\nFROM:b\r\n\r\n", 2, 0, 2},
           Row{"a name that starts so", "From-X: a\r\nFro: b\r\nFromm: c\r\n\r\n", 3, 0, 0},
           Row{"an endless name", "From56789012345678901234567890: a\r\n\r\n", 1, 0, 0},
           Row{"a continuation that looks like one", "A: b\r\n From: c\r\n\r\n", 1, 0, 0},
           Row{"a blank line that is not empty", "A: b\r\n \r\nFrom: c\r\n\r\n", 2, 0, 1},
           Row{"no colon", "A: b\r\nFrom\r\nC: d\r\n\r\n", 2, 1, 0},
           Row{"mbox line", "From a@b Sat Nov 21\r\nFrom: a\r\n\r\n", 1, 1, 1},
           Row{"blank first", " From: a\r\nFrom: b\r\n\r\n", 1, 1, 1},
           Row{"empty name", ": a\r\nFrom: b\r\n\r\n", 1, 1, 1},
           Row{"eighth bit in the name", "Fr\xc3\xb6m: a\r\n\r\n", 0, 1, 0},
           Row{"no header", "\r\nFrom: a\r\n", 0, 0, 0},
           Row{"header without an end", "From: a", 1, 0, 1},
           Row{"cut in a name", "From", 0, 1, 0},
       }) {
    const auto facts = facts_of(message);
    EXPECT_EQ(facts.header_fields, fields) << name;
    EXPECT_EQ(facts.malformed_header_lines, malformed) << name;
    EXPECT_EQ(facts.from_fields, from) << name;
  }
}

TEST(MessageScanner, TellsWhereTheEighthBitIs) {
  EXPECT_TRUE(facts_of("Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nbody\r\n").header_has_8bit);
  EXPECT_FALSE(facts_of("Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nbody\r\n").body_has_8bit);
  EXPECT_TRUE(facts_of("A: b\r\n\r\nb\xf6"
                       "dy\r\n")
                  .body_has_8bit);
  EXPECT_FALSE(facts_of("A: b\r\n\r\nb\xf6"
                        "dy\r\n")
                   .header_has_8bit);
}

TEST(MessageScanner, RemembersWhereAMessageWasDelivered) {
  const auto scanner = scanned(
      "Delivered-To: <Alice@EXAMPLE.org>\r\n"
      "delivered-to :\r\n  \"a b\"@\r\n example.org \r\n"
      "Delivered-To: not an address\r\n"
      "X-Delivered-To: carol@example.org\r\n"
      "Delivered-To: last@example.org\r\n"
      "\r\n"
      "Delivered-To: dave@example.org\r\n");
  const auto was = [&](std::string_view text) { return scanner.was_delivered_to(*Address::parse(text)); };
  EXPECT_TRUE(was("Alice@example.org"));
  EXPECT_TRUE(was("last@example.org"));
  EXPECT_FALSE(was("carol@example.org"));
  EXPECT_FALSE(was("dave@example.org"));
  EXPECT_FALSE(was("bob@example.org"));
  EXPECT_TRUE(scanned("Delivered-To: a@example.org").was_delivered_to(*Address::parse("a@example.org")));
}

TEST(MessageScanner, TheSameWithEveryCut) {
  const auto recipient = *Address::parse("alice@example.org");
  const MessageScanner::Settings tight{.octets = 30, .line_octets = 8, .header_octets = 20, .header_fields = 1};
  for (const auto message : {ordinary, "A: b\r\r\n\n\r\n\0\rx\n\r"sv, "From\xff : x\r\n \r\nB\r\n\r\n\xff\r"sv,
                             "Delivered-To: alice@example.org\r\n\r\n\r"sv}) {
    const auto whole = scanned(message, tight);
    for (std::size_t first = 0; first <= message.size(); ++first) {
      for (std::size_t second = first; second <= message.size(); ++second) {
        MessageScanner cut(tight);
        cut.feed(message.substr(0, first));
        cut.feed(message.substr(first, second - first));
        cut.feed(message.substr(second));
        cut.finish();
        ASSERT_EQ(cut.facts(), whole.facts()) << first << ' ' << second;
        ASSERT_EQ(cut.was_delivered_to(recipient), whole.was_delivered_to(recipient));
      }
    }
  }
}

}  // namespace
}  // namespace posthorn::mail
