#include "base/base64.hpp"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

TEST(Base64, VectorsOfRfc4648Section10) {
  struct Row {
    const char* octets;
    const char* text;
  };
  for (const auto& [octets, text] : {
           Row{"", ""},
           Row{"f", "Zg=="},
           Row{"fo", "Zm8="},
           Row{"foo", "Zm9v"},
           Row{"foob", "Zm9vYg=="},
           Row{"fooba", "Zm9vYmE="},
           Row{"foobar", "Zm9vYmFy"},
       }) {
    EXPECT_EQ(base64::encode(octets), text);
    EXPECT_EQ(base64::decode(text), octets);
  }
}

TEST(Base64, EveryOctetComesBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t cut = 0; cut < all.size(); ++cut) {
    const auto octets = all.substr(cut);
    EXPECT_EQ(base64::decode(base64::encode(octets)), octets) << cut;
  }
}

TEST(Base64, OtherTextIsNone) {
  struct Row {
    const char* name;
    std::string_view text;
  };
  for (const auto& [name, text] : {
           Row{"one character", "Z"},
           Row{"padding missing", "Zg"},
           Row{"padding short", "Zg="},
           Row{"padding only", "===="},
           Row{"padding of three", "Z==="},
           Row{"padding twice", "Zg==Zg=="},
           Row{"padding inside", "Z=g="},
           Row{"a blank", "Zm9 "},
           Row{"a line end", "Zm9v\r\n"},
           Row{"the other alphabet", "_-__"},
           Row{"NUL", std::string_view("Zm9\0", 4)},
           Row{"eighth bit", "Zm9\xc3"},
           Row{"unused bits set, two", "Zh=="},
           Row{"unused bits set, three", "Zm9="},
       }) {
    EXPECT_FALSE(base64::decode(text)) << name;
  }
}

}  // namespace
}  // namespace posthorn
