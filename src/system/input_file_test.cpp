#include "system/input_file.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::system {
namespace {

TEST(InputFile, WhatHasNoEndIsNotCopiedForEver) {
  constexpr std::uint64_t limit = 1U << 20;
  const auto endless = open_input("/dev/zero", limit);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().kind, Error::Kind::invalid);
  EXPECT_NE(endless.error().text.find("/dev/zero"), std::string::npos);
  EXPECT_NE(endless.error().text.find("1 MiB"), std::string::npos);
}

TEST(InputFile, WhatIsNoFileMayBeEmpty) {
  const auto empty = open_input("/dev/null");
  ASSERT_TRUE(empty) << empty.error().text;
  EXPECT_EQ(empty->size, 0U);
  EXPECT_EQ(empty->name, "null");
}

TEST(InputFile, WhatCannotBeReadIsNamed) {
  for (const std::string path : {"/does/not/exist", "/", "/dev/null/x"}) {
    const auto input = open_input(path);
    ASSERT_FALSE(input) << path;
    EXPECT_NE(input.error().text.find(path), std::string::npos) << input.error().text;
  }
}

}  // namespace
}  // namespace posthorn::system
