#include "base/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn {
namespace {

// The vectors that its authors publish: key 00 01 … 0f, input 00 01 … of growing length.
TEST(KeyedHash, AgreesWithThePublishedVectors) {
  const KeyedHash hash({0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL});
  std::string input;
  EXPECT_EQ(hash.of(input), 0x726fdb47dd0e0e31ULL);
  input += '\0';
  EXPECT_EQ(hash.of(input), 0x74f839c593dc67fdULL);
  for (char c = 1; c < 8; ++c) input += c;
  EXPECT_EQ(hash.of(input), 0x93f5f5799a932462ULL);
  for (char c = 8; c < 15; ++c) input += c;
  EXPECT_EQ(hash.of(input), 0xa129ca6149be45e5ULL);
}

TEST(KeyedHash, DependsOnTheKey) {
  EXPECT_NE(KeyedHash({1, 2}).of("alice"), KeyedHash({1, 3}).of("alice"));
  EXPECT_NE(KeyedHash({1, 2}).of("alice"), KeyedHash({2, 2}).of("alice"));
}

}  // namespace
}  // namespace posthorn
