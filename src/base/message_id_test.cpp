#include "base/message_id.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace posthorn {
namespace {

TEST(MessageId, TextAndBack) {
  for (const std::uint64_t value : {0ULL, 1ULL, 31ULL, 32ULL, 1ULL << 40, ~0ULL}) {
    const MessageId id{value};
    EXPECT_EQ(id.to_string().size(), 13U);
    EXPECT_EQ(MessageId::parse(id.to_string()), id) << id.to_string();
  }
  EXPECT_EQ(MessageId{(1ULL << 40) + 33}.to_string(), "0000100000011");
}

TEST(MessageId, OtherTextIsNone) {
  for (const auto* text : {"", "0", "000000000000U", "0000000000000 ", "G000000000000", "../../../etc/"}) {
    EXPECT_EQ(MessageId::parse(text), std::nullopt) << text;
  }
  EXPECT_EQ(MessageId::parse("000000000000a"), MessageId{10});
}

}  // namespace
}  // namespace posthorn
