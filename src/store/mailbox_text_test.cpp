// From the wire to a file: what changes and, above all, what does not.
#include "store/mailbox_text.hpp"
#include "store/mailbox_name.hpp"

#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

std::string converted(std::string_view wire, std::size_t cut) {
  MailboxText text;
  std::string out;
  text.feed(wire.substr(0, cut), out);
  text.feed(wire.substr(cut), out);
  text.finish(out);
  return out;
}

struct TextRow {
  std::string name;
  std::string wire;
  std::string file;
};

class MailboxTextTest : public ::testing::TestWithParam<TextRow> {};

TEST_P(MailboxTextTest, IsTheSameHoweverItIsCut) {
  const auto& row = GetParam();
  for (std::size_t cut = 0; cut <= row.wire.size(); ++cut)
    EXPECT_EQ(converted(row.wire, cut), row.file) << "cut at " << cut;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MailboxTextTest,
    ::testing::Values(
        TextRow{"LineEnds", "A: 1\r\n\r\nbody\r\n..dots\r\n", "A: 1\n\nbody\n..dots\n"},
        TextRow{"NoFinalLineEnd", "A: 1\r\n\r\nbody", "A: 1\n\nbody"},
        TextRow{"CrAtTheEnd", "A: 1\r\n\r\nbody\r", "A: 1\n\nbody\r"},
        TextRow{"LoneOnesStay", "A: 1\r\n\r\na\rb\nc\r\r\nd", "A: 1\n\na\rb\nc\r\nd"},
        TextRow{"HeaderOnly", "A: 1\r\n", "A: 1\n"},
        TextRow{"EmptyHeader", "\r\nReturn-Path: <body@x>\r\n", "\nReturn-Path: <body@x>\n"}, TextRow{"Empty", "", ""},
        TextRow{"ReturnPathGoes", "Return-Path: <a@b>\r\nA: 1\r\n\r\nx\r\n", "A: 1\n\nx\n"},
        TextRow{"ReturnPathGoesFromTheMiddle", "A: 1\r\nreturn-PATH:<a@b>\r\nB: 2\r\n\r\nx\r\n", "A: 1\nB: 2\n\nx\n"},
        TextRow{"WithItsContinuation", "Return-Path:\r\n <a@b>\r\n\t(c)\r\nB: 2\r\n\r\nx\r\n", "B: 2\n\nx\n"},
        TextRow{"WithBlanksBeforeTheColon", "Return-Path \t : <a@b>\r\nB: 2\r\n\r\nx\r\n", "B: 2\n\nx\n"},
        TextRow{"EachOfThem", "Return-Path: 1\r\nReturn-Path: 2\r\nB: 2\r\n\r\nx\r\n", "B: 2\n\nx\n"},
        TextRow{"NotItsNeighbours", "Return-Path-X: 1\r\nReturn-Pat: 2\r\nReturn-Path x: 3\r\nXReturn-Path: 4\r\n\r\n",
                "Return-Path-X: 1\nReturn-Pat: 2\nReturn-Path x: 3\nXReturn-Path: 4\n\n"},
        TextRow{"NotInAContinuation", "A: 1\r\n Return-Path: <a@b>\r\n\r\n", "A: 1\n Return-Path: <a@b>\n\n"},
        TextRow{"NotInTheBody", "A: 1\r\n\r\nReturn-Path: <a@b>\r\n", "A: 1\n\nReturn-Path: <a@b>\n"},
        TextRow{"UnfinishedName", "A: 1\r\nReturn-Pa", "A: 1\nReturn-Pa"},
        TextRow{"NulAndEightBit", std::string("A: \xc3\xa9\r\n\r\n\0\xff\r\n", 13),
                std::string("A: \xc3\xa9\n\n\0\xff\n", 10)}),
    [](const auto& row) { return row.param.name; });

TEST(MailboxText, EndlessBlanksAfterTheNameAreNotKeptInMemory) {
  const auto wire = "Return-Path" + std::string(100'000, ' ') + ": x\r\n\r\n";
  EXPECT_EQ(converted(wire, 50'000).size(), wire.size() - 2) << "past the limit it is a line like another";
}

TEST(DeliveryFileName, HasTheShapeOfTheInterface) {
  const DeliveryName name{1'790'000'000, 12'345, 4711, 7, "mx.example.org"};
  EXPECT_EQ(delivery_file_name(name, 0), "1790000000.M12345P4711Q7.mx.example.org");
  EXPECT_EQ(delivery_file_name(name, 2), "1790000000.M12345P4711Q9.mx.example.org") << "one for each recipient";
}

TEST(DeliveryFileName, AHostCannotBreakOutOfTheName) {
  const auto with_host = [](std::string host) { return delivery_file_name({1, 2, 3, 4, std::move(host)}, 0); };
  EXPECT_EQ(with_host("../../etc"), "1.M2P3Q4...\\057..\\057etc");
  EXPECT_EQ(with_host("[::1]:25"), "1.M2P3Q4.[\\072\\0721]\\07225");
  EXPECT_EQ(with_host(std::string("a\0b\r\n c,", 8)), "1.M2P3Q4.abc");
  EXPECT_EQ(with_host(""), "1.M2P3Q4.localhost");
  EXPECT_LE(with_host(std::string(5'000, '/')).size(), 200U);
}

}  // namespace
}  // namespace posthorn::store
