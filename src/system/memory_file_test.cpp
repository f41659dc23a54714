#include "system/memory_file.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::system {
namespace {

TEST(ReadWhole, TakesTheMemoryOfTheFileAndNotOfTheLargestOneAllowed) {
  const auto file = make_memory_file("users", "alice\nbob\n");
  ASSERT_TRUE(file) << file.error().text;
  const auto text = read_whole(*file, "users", 256U << 20);
  ASSERT_TRUE(text) << text.error().text;
  EXPECT_EQ(*text, "alice\nbob\n");
  EXPECT_LT(text->capacity(), 64U << 10);
}

TEST(ReadWhole, GivesAllOfALongFileAndNothingOfATooLongOne) {
  const std::string octets(100'000, 'x');
  const auto file = make_memory_file("long", octets);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ(read_whole(*file, "long", octets.size()).value_or("refused"), octets);
  EXPECT_EQ(read_whole(*file, "long", 10 * octets.size()).value_or("refused"), octets);
  const auto refused = read_whole(*file, "long", octets.size() - 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("too large"), std::string::npos) << refused.error().text;
}

}  // namespace
}  // namespace posthorn::system
