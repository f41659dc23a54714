#include "store/fresh_messages.hpp"

#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

FreshMessage message(std::string content, bool has_one_reader) {
  return {.facts = "facts", .content = std::move(content), .content_checksum = 7, .has_one_reader = has_one_reader};
}

TEST(FreshMessages, WhatIsKeptIsGivenAsItWas) {
  FreshMessages fresh(1 << 20);
  fresh.keep(MessageId{1}, message("one", true));
  EXPECT_FALSE(fresh.take(MessageId{2}));
  const auto taken = fresh.take(MessageId{1});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->content, "one");
  EXPECT_EQ(taken->facts, "facts");
  EXPECT_EQ(taken->content_checksum, 7U);
}

TEST(FreshMessages, OneReaderTakesItAwayAndSeveralDoNot) {
  FreshMessages fresh(1 << 20);
  fresh.keep(MessageId{1}, message("one", true));
  fresh.keep(MessageId{2}, message("two", false));
  EXPECT_TRUE(fresh.take(MessageId{1}));
  EXPECT_FALSE(fresh.take(MessageId{1}));
  EXPECT_TRUE(fresh.take(MessageId{2}));
  EXPECT_TRUE(fresh.take(MessageId{2}));
}

TEST(FreshMessages, TheOldestLeaveWhenThereIsNoRoom) {
  FreshMessages fresh(10'000);
  for (std::uint64_t id = 1; id <= 100; ++id) fresh.keep(MessageId{id}, message(std::string(100, 'x'), true));
  EXPECT_FALSE(fresh.take(MessageId{1}));
  EXPECT_FALSE(fresh.take(MessageId{60})) << "more than 10,000 octets are kept";
  EXPECT_TRUE(fresh.take(MessageId{80}));
  EXPECT_TRUE(fresh.take(MessageId{100}));
}

TEST(FreshMessages, NothingIsKeptThatWouldPushOutManyAndNothingWithoutRoom) {
  const FreshMessages fresh(64'000);
  EXPECT_TRUE(fresh.takes(1'000));
  EXPECT_FALSE(fresh.takes(1'001));
  EXPECT_FALSE(FreshMessages(0).takes(1));
}

}  // namespace
}  // namespace posthorn::store
