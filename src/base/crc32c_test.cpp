#include "base/crc32c.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn {
namespace {

std::string ascending(std::size_t octets) {
  std::string bytes(octets, '\0');
  for (std::size_t i = 0; i < octets; ++i) bytes[i] = static_cast<char>(i & 0xff);
  return bytes;
}

TEST(Crc32c, KnownValues) {
  struct Row {
    const char* name;
    std::string bytes;
    std::uint32_t checksum;
  };
  for (const auto& [name, bytes, checksum] : {
           Row{"nothing", "", 0},
           Row{"the check value", "123456789", 0xe3069283},
           Row{"RFC 3720 appendix B.4: zeros", std::string(32, '\0'), 0x8a9136aa},
           Row{"RFC 3720 appendix B.4: ones", std::string(32, '\xff'), 0x62a8ab43},
           Row{"RFC 3720 appendix B.4: ascending", ascending(32), 0x46dd794e},
       }) {
    EXPECT_EQ(crc32c(bytes), checksum) << name;
    EXPECT_EQ(crc32c_portable(bytes), checksum) << name;
  }
}

TEST(Crc32c, PiecesGiveTheChecksumOfTheWhole) {
  const auto bytes = ascending(67);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const std::string_view all = bytes;
    EXPECT_EQ(crc32c(all.substr(cut), crc32c(all.substr(0, cut))), crc32c(all)) << cut;
    EXPECT_EQ(crc32c_portable(all.substr(cut), crc32c_portable(all.substr(0, cut))), crc32c(all)) << cut;
  }
}

TEST(Crc32c, EachTurnedBitIsSeen) {
  auto bytes = ascending(33);
  const auto right = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(crc32c(bytes), right) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

}  // namespace
}  // namespace posthorn
