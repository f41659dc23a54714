#include "mail/user_name.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace posthorn::mail {
namespace {

TEST(UserName, has_one_form) {
  struct Row {
    std::string_view written;
    std::string_view name;
  };
  static constexpr std::array<Row, 11> rows{{
      {"alice", "alice"},
      {"Alice", "alice"},
      {"ALICE.SMITH", "alice.smith"},
      {"o'brien", "o'brien"},
      {"a+b", "a+b"},
      {"7", "7"},
      {"Alice@Example.NET", "alice@example.net"},
      {"bob@bücher.example", "bob@xn--bcher-kva.example"},
      {"Käthe", "käthe"},
      {"Ka\u0308the", "käthe"},  // decomposed
      {"ΑΛΙΚΗ", "αλικη"},
  }};
  for (const auto& row : rows) {
    const auto name = UserName::parse(row.written);
    ASSERT_TRUE(name) << row.written << ": " << name.error().text;
    EXPECT_EQ(name->text(), row.name);
    EXPECT_EQ(UserName::parse(name->text())->text(), row.name) << "read again";
  }
}

TEST(UserName, knows_its_parts) {
  const auto bound = UserName::parse("alice@example.net").value();
  EXPECT_EQ(bound.local_part(), "alice");
  EXPECT_EQ(bound.domain(), "example.net");
  const auto bare = UserName::parse("alice").value();
  EXPECT_EQ(bare.local_part(), "alice");
  EXPECT_EQ(bare.domain(), "");
}

TEST(UserName, is_never_a_path_nor_hides_anything) {
  const std::vector<std::string> refused{
      "",
      ".",
      "..",
      "../alice",
      "alice/bob",
      "/etc/passwd",
      "a/../b",
      ".hidden",
      ".OTHER_SERVERS",
      "alice.",
      "a..b",
      "-rf",
      "~root",
      "two words",
      "tab\there",
      "line\nend",
      std::string("nul\0here", 8),
      "esc\x1b[2J",
      "del\x7f",
      "back\\slash",
      "co:lon",
      "semi;colon",
      "pipe|program",
      "back`tick`",
      "dollar$(x)",
      "\"quoted\"",
      "star*",
      "latin \xe9",
      "cut \xe2\x82",
      "zero\u200bwidth",
      "exe\u202egnp",
      "no\u00a0break",
      "𝄞clef",
      "@example.org",
      "alice@",
      "alice@@example.org",
      "alice@[192.0.2.1]",
      "alice@../../etc",
      "alice@exa mple.org",
      std::string(65, 'a'),
      "a@" + std::string(300, 'b'),
  };
  for (const auto& text : refused) EXPECT_FALSE(UserName::parse(text)) << text;
}

TEST(UserName, may_be_64_octets_long) {
  EXPECT_TRUE(UserName::parse(std::string(64, 'a')));
  // U+0130 in lower case is one octet longer.
  std::string grows;
  while (grows.size() < 64) grows += "\u0130";
  EXPECT_FALSE(UserName::parse(grows));
}

}  // namespace
}  // namespace posthorn::mail
