#include "mail/path.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

TEST(Path, EachKindIsRead) {
  struct Row {
    const char* text;
    Path path;
  };
  const auto alice = *Address::parse("alice@example.org");
  for (const auto& [text, path] : {
           Row{"<>", NullPath{}},
           Row{"<postmaster>", PostmasterPath{}},
           Row{"<PostMaster>", PostmasterPath{}},
           Row{"<alice@example.org>", alice},
           Row{"<@a.example:alice@example.org>", alice},
           Row{"<@a.example,@b.example:alice@example.org>", alice},
           Row{"<\"a>b\"@example.org>", *Address::parse("\"a>b\"@example.org")},
           Row{"<\"a\\\"b>\"@example.org>", *Address::parse("\"a\\\"b>\"@example.org")},
           Row{"<alice@[IPv6:2001:db8::1]>", *Address::parse("alice@[IPv6:2001:db8::1]")},
           Row{"<postmaster@example.org>", *Address::parse("postmaster@example.org")},
       }) {
    const auto parsed = parse_path(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().text;
    EXPECT_EQ(*parsed, path) << text;
  }
}

TEST(Path, OtherTextIsRefused) {
  for (const auto* text : {"",
                           "<",
                           ">",
                           "alice@example.org",
                           "<alice@example.org",
                           "<alice>",
                           "<<>>",
                           "< >",
                           "< alice@example.org>",
                           "<alice@example.org >",
                           "<alice@example.org>>",
                           "<> ",
                           "<\"alice@example.org>",
                           "<@a.example>",
                           "<@:alice@example.org>",
                           "<@a.example:>",
                           "<@a.example,alice@example.org>",
                           "<@a.example,b.example:alice@example.org>",
                           "<@[192.0.2.1]:alice@example.org>",
                           "<@a.example:@b.example:alice@example.org>",
                           "<\"postmaster\">",
                           "<@a.example:postmaster>",
                           "<alice@example.org\\>"}) {
    EXPECT_FALSE(parse_path(text)) << text;
  }
}

TEST(Path, IsTakenFromALine) {
  Scanner scanner("<\"a> b\"@example.org> SIZE=10");
  ASSERT_TRUE(take_path(scanner));
  EXPECT_EQ(scanner.rest(), " SIZE=10");
}

}  // namespace
}  // namespace posthorn::mail
