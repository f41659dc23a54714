#include "cli/queue_table.hpp"

#include "support/captured_console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace posthorn::cli {
namespace {

using posthorn::testing::CapturedConsole;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view list =
    "[\n"
    R"({"id":"A1","sender":"ann@a.test","size":4096,"arrived":"2026-11-29T10:00:00Z","recipients":[)"
    R"({"address":"bob@b.test","status":"queued","attempts":2,"next_attempt":"2026-11-29T11:00:00Z","last_reply":"451 later","host":"mx.b.test"},)"
    R"({"address":"eve@b.test","status":"held","attempts":1,"next_attempt":null,"last_reply":"450 no"}]})"
    ",\n"
    R"({"id":"A2","sender":"","size":1234567890,"arrived":"2026-11-29T10:00:01Z","recipients":[)"
    R"({"address":"c\u001b[2J@c.test","status":"queued","attempts":0,"next_attempt":"2026-11-29T10:00:01Z","last_reply":null}]})"
    "\n]\n";

constexpr std::string_view table =
    "A1  2026-11-29T10:00:00Z       4096  ann@a.test\n"
    "    queued bob@b.test, 2 attempts, next 2026-11-29T11:00:00Z\n"
    "        mx.b.test: 451 later\n"
    "    held eve@b.test, 1 attempt\n"
    "        450 no\n"
    "A2  2026-11-29T10:00:01Z  1234567890  <>\n"
    "    queued c\\x1b[2J@c.test, next 2026-11-29T10:00:01Z\n"
    "2 messages for 3 recipients\n";

/// What is printed of a list that comes in pieces of so many octets.
std::string printed(std::string_view text, std::size_t piece, Console::Colours colours = {}) {
  CapturedConsole captured(colours);
  QueueTable shown(captured.console());
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) shown.take(text.substr(0, piece));
  shown.end();
  return captured.out();
}

TEST(QueueTable, IsTheSameHoweverTheListComes) {
  for (std::size_t piece = 1; piece <= list.size(); ++piece) EXPECT_EQ(printed(list, piece), table) << piece;
}

TEST(QueueTable, ShowsAMessageWhenItHasCome) {
  CapturedConsole captured;
  QueueTable shown(captured.console());
  shown.take(list.substr(0, list.find("{\"id\":\"A2\"") + 20));
  EXPECT_THAT(captured.out(), HasSubstr("eve@b.test"));  // the server may go away now
  EXPECT_THAT(captured.out(), Not(HasSubstr("A2")));
}

TEST(QueueTable, PaintsWhereThereIsColour) {
  const auto text = printed(list, list.size(), {.out = true, .error = false});
  EXPECT_THAT(text, HasSubstr("\x1b[1mA1\x1b[0m  2026-11-29T10:00:00Z"));
  EXPECT_THAT(text, HasSubstr("    \x1b[1mqueued\x1b[0m bob@b.test, 2 attempts"));
  EXPECT_THAT(text, HasSubstr("    \x1b[33mheld\x1b[0m eve@b.test"));
  EXPECT_THAT(text, HasSubstr("        \x1b[2mmx.b.test: 451 later\x1b[0m\n"));
  EXPECT_THAT(text, HasSubstr("c\\x1b[2J@c.test"));
}

TEST(QueueTable, SaysWhenNothingWaits) { EXPECT_EQ(printed("[\n]\n", 1), "nothing waits\n"); }

TEST(QueueTable, PassesOverALineThatIsNoMessage) {
  EXPECT_EQ(printed("[\n{\"id\":,\n{\"id\":\"A1\"}\n]\n", 64), "A1            0  <>\n1 message for 0 recipients\n");
}

}  // namespace
}  // namespace posthorn::cli
