#include "cli/queued_message.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::cli {
namespace {

TEST(QueuedMessage, TakesWhatIsShownAndPassesOverTheRest) {
  QueuedMessageReader reader;
  const auto* message = reader.read(
      R"({"id":"A1","sender":"ann@a.test","size":4096,"arrived":"2026-11-29T10:00:00Z","recipients":[)"
      R"({"address":"bob@b.test","status":"queued","attempts":2,"next_attempt":"2026-11-29T11:00:00Z",)"
      R"("last_reply":"451 later","destination":"b.test","host":"mx.b.test","deep":{"address":"no","list":["no",[3]]}},)"
      R"({"address":"eve@b.test","status":"held","attempts":0,"next_attempt":null,"last_reply":null,"destination":"b.test"}],)"
      R"("history":[{"address":"no","recipients":[{"address":"no"}]}],"dialogues":[{"id":"no"}]})");
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->id, "A1");
  EXPECT_EQ(message->sender, "ann@a.test");
  EXPECT_EQ(message->size, 4096);
  EXPECT_EQ(message->arrived, "2026-11-29T10:00:00Z");
  ASSERT_EQ(message->recipients.size(), 2);
  const auto& bob = message->recipients.front();
  EXPECT_EQ(bob.address, "bob@b.test");
  EXPECT_EQ(bob.status, "queued");
  EXPECT_EQ(bob.attempts, 2);
  EXPECT_EQ(bob.next_attempt, "2026-11-29T11:00:00Z");
  EXPECT_EQ(bob.last_reply, "451 later");
  EXPECT_EQ(bob.host, "mx.b.test");
  EXPECT_EQ(bob.destination, "b.test");
  const auto& eve = message->recipients.back();
  EXPECT_EQ(eve.address, "eve@b.test");
  EXPECT_EQ(eve.next_attempt, "");
  EXPECT_EQ(eve.last_reply, "");
}

TEST(QueuedMessage, NothingIsLeftOfTheOneBefore) {
  QueuedMessageReader reader;
  ASSERT_NE(reader.read(R"({"id":"A1","sender":"ann@a.test","size":7,"recipients":[{"address":"b@\u0007.test"}]})"),
            nullptr);
  const auto* message = reader.read(R"({"id":"A2"})");
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->id, "A2");
  EXPECT_EQ(message->sender, "<>");
  EXPECT_EQ(message->size, 0);
  EXPECT_TRUE(message->recipients.empty());
}

TEST(QueuedMessage, AReportHasTheEmptySender) {
  QueuedMessageReader reader;
  const auto* message = reader.read(R"({"id":"A1","sender":"","recipients":[]})");
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->sender, "<>");
}

TEST(QueuedMessage, TextsAreFitForAScreen) {
  QueuedMessageReader reader;
  const auto* message = reader.read(
      R"({"id":"A\u001b[2J","arrived":"\u202e","sender":7,"size":"many","recipients":[7,{"address":"b\n\"ö\\@\u0000","status":[]}]})");
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->id, "A\\x1b[2J");
  EXPECT_EQ(message->arrived, "\\u{202e}");
  EXPECT_EQ(message->sender, "<>");
  EXPECT_EQ(message->size, 0);
  ASSERT_EQ(message->recipients.size(), 1);
  EXPECT_EQ(message->recipients.front().address, "b\\n\"ö\\@\\x00");
  EXPECT_EQ(message->recipients.front().status, "");
}

TEST(QueuedMessage, ALongTextIsCut) {
  QueuedMessageReader reader;
  const auto* message =
      reader.read(R"({"id":")" + std::string(1000, 'a') + R"(","sender":")" + std::string(1001, 'b') + R"("})");
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->id, std::string(1000, 'a'));
  EXPECT_EQ(message->sender, std::string(1000, 'b') + "…");
}

TEST(QueuedMessage, OtherTextIsNone) {
  QueuedMessageReader reader;
  for (const auto* text : {"", "[]", "7", "{", R"({"id":"A1")", R"({"id":"A1"} {)", R"({"id":"A1"} {})", " {}",
                           R"({"id":A1})", R"({"history":[,]})", "{\"id\":\"A\x1b\"}", "{\"id\":\"\xff\"}"}) {
    EXPECT_EQ(reader.read(text), nullptr) << text;
  }
}

}  // namespace
}  // namespace posthorn::cli
