#include "mail/address.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace posthorn::mail {
namespace {

Address address(std::string_view text) {
  auto parsed = Address::parse(text);
  EXPECT_TRUE(parsed) << text;
  return *std::move(parsed);
}

TEST(Address, IsReadAndWritten) {
  struct Row {
    std::string text;
    std::string local_part;
    std::string domain;
    std::string written;
  };
  for (const auto& [text, local_part, domain, written] : {
           Row{"alice@example.org", "alice", "example.org", "alice@example.org"},
           Row{"Alice.B@EXAMPLE.org.", "Alice.B", "example.org", "Alice.B@example.org"},
           Row{"a!#$%&'*+-/=?^_`{|}~z@a.example", "a!#$%&'*+-/=?^_`{|}~z", "a.example",
               "a!#$%&'*+-/=?^_`{|}~z@a.example"},
           Row{"user%other.example@a.example", "user%other.example", "a.example", "user%other.example@a.example"},
           Row{"other!user@a.example", "other!user", "a.example", "other!user@a.example"},
           Row{R"("alice"@example.org)", "alice", "example.org", "alice@example.org"},
           Row{R"("al\ice"@example.org)", "alice", "example.org", "alice@example.org"},
           Row{R"("a b"@example.org)", "a b", "example.org", R"("a b"@example.org)"},
           Row{R"("a@b"@example.org)", "a@b", "example.org", R"("a@b"@example.org)"},
           Row{R"("a\"b\\c"@example.org)", R"(a"b\c)", "example.org", R"("a\"b\\c"@example.org)"},
           Row{R"(".a..b."@example.org)", ".a..b.", "example.org", R"(".a..b."@example.org)"},
           Row{R"(""@example.org)", "", "example.org", R"(""@example.org)"},
           Row{R"x("<>,:;[]()"@example.org)x", "<>,:;[]()", "example.org", R"x("<>,:;[]()"@example.org)x"},
           Row{"a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]"},
           Row{"a@[IPv6:2001:DB8::0:1]", "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"},
           Row{"grüße@bücher.example", "grüße", "xn--bcher-kva.example", "grüße@xn--bcher-kva.example"},
           Row{"\"grü ße\"@a.example", "grü ße", "a.example", "\"grü ße\"@a.example"},
           Row{"用户@例え.テスト", "用户", "xn--r8jz45g.xn--zckzah", "用户@xn--r8jz45g.xn--zckzah"},
           Row{std::string(200, 'v') + "@lists.example", std::string(200, 'v'), "lists.example",
               std::string(200, 'v') + "@lists.example"},
       }) {
    const auto parsed = Address::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().text;
    EXPECT_EQ(parsed->local_part(), local_part);
    EXPECT_EQ(parsed->domain(), domain);
    EXPECT_EQ(parsed->to_string(), written);
    EXPECT_EQ(Address::parse(parsed->to_string()), *parsed);
  }
}

TEST(Address, OtherTextIsRefused) {
  struct Row {
    const char* name;
    std::string text;
  };
  for (const auto& [name, text] : {
           Row{"empty", ""},
           Row{"no domain", "alice"},
           Row{"empty domain", "alice@"},
           Row{"no local part", "@example.org"},
           Row{"leading dot", ".a@example.org"},
           Row{"trailing dot", "a.@example.org"},
           Row{"two dots", "a..b@example.org"},
           Row{"dot only", ".@example.org"},
           Row{"space", "a b@example.org"},
           Row{"space before", " a@example.org"},
           Row{"space after", "a@example.org "},
           Row{"two at signs", "a@b@example.org"},
           Row{"angle bracket", "a>@example.org"},
           Row{"comma", "a,b@example.org"},
           Row{"display name", "Alice <a@example.org>"},
           Row{"comment", "a(b)@example.org"},
           Row{"lone quote", "\""},
           Row{"quote not closed", "\"a@example.org"},
           Row{"quote closed by nothing", R"("a\"@example.org)"},
           Row{"quoted word and more", "\"a\"b@example.org"},
           Row{"quoted word in a dot string", "a.\"b\"@example.org"},
           Row{"backslash at the end", "\"a\\"},
           Row{"CR LF", "a\r\n@example.org"},
           Row{"quoted CR LF", "\"a\r\nRCPT TO:<b>\"@example.org"},
           Row{"escaped LF", "\"a\\\nb\"@example.org"},
           Row{"quoted tab", "\"a\tb\"@example.org"},
           Row{"NUL", std::string("a\0b@example.org", 15)},
           Row{"quoted NUL", std::string("\"a\0b\"@example.org", 17)},
           Row{"DEL", "\"a\x7f\"@example.org"},
           Row{"C1 control", "a\xc2\x85z@example.org"},
           Row{"line separator", "a\u2028z@example.org"},
           Row{"not UTF-8",
               "gr\xfc\xdf"
               "e@example.org"},
           Row{"overlong UTF-8", "a\xc0\xafz@example.org"},
           Row{"source route", "@a.example:b@example.org"},
           Row{"address too long", std::string(243, 'a') + "@example.org"},
           Row{"too long once quoted", '"' + std::string(241, ' ') + "\"@example.org"},
           Row{"endless", std::string(1 << 20, 'a') + "@example.org"},
       }) {
    EXPECT_FALSE(Address::parse(text)) << name;
  }
  EXPECT_TRUE(Address::parse(std::string(242, 'a') + "@example.org"));
  EXPECT_TRUE(Address::parse('"' + std::string(240, ' ') + "\"@example.org"));
}

TEST(Address, AnErrorRepeatsNothingOfTheInput) {
  const auto refused = Address::parse("secretword@@example.org");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::invalid);
  EXPECT_FALSE(refused.error().text.contains("secretword"));
}

TEST(Address, EqualAddressesAreEqualInEveryForm) {
  EXPECT_EQ(address("a@EXAMPLE.org."), address("\"a\"@example.org"));
  EXPECT_EQ(address("a@bücher.example"), address("a@XN--bcher-kva.example"));
  EXPECT_EQ(address("gr\u00fc\u00dfe@a.example"), address("gru\u0308\u00dfe@a.example")) << "NFC (RFC 6530 §10.1)";
  EXPECT_EQ(address("gr\u00fc@a.example").fingerprint(), address("gru\u0308@a.example").fingerprint());
  EXPECT_NE(address("A@example.org"), address("a@example.org")) << "RFC 5321 §2.4: local parts are the domain's";
  EXPECT_NE(address("a@example.org"), address("a@example.net"));
  EXPECT_NE(address("\"a@b\"@c.example").fingerprint(), address("a@c.example").fingerprint());
}

TEST(Address, FitsInASet) {
  std::unordered_set<Address> set{address("a@example.org")};
  EXPECT_TRUE(set.contains(address("a@Example.ORG")));
  EXPECT_FALSE(set.contains(address("b@example.org")));
  EXPECT_LE(sizeof(Address), 40U);
}

TEST(Address, SaysWhetherItNeedsSmtputf8) {
  EXPECT_TRUE(address("grüße@example.org").needs_smtputf8());
  EXPECT_FALSE(address("a@bücher.example").needs_smtputf8()) << "the domain is sent as A-labels";
  EXPECT_FALSE(address("a@example.org").needs_smtputf8());
}

TEST(Address, PeopleReadULabels) {
  EXPECT_EQ(address("grüße@xn--bcher-kva.example").to_unicode(), "grüße@bücher.example");
  EXPECT_EQ(address("\"a b\"@[192.0.2.1]").to_unicode(), "\"a b\"@[192.0.2.1]");
}

TEST(Address, IsMadeOfALocalPartAndADomain) {
  const auto domain = *Domain::parse("example.org");
  EXPECT_EQ(Address::make("alice", domain), address("alice@example.org"));
  EXPECT_EQ(Address::make("a \"b\"", domain)->to_string(), R"("a \"b\""@example.org)");
  EXPECT_FALSE(Address::make("a\nb", domain));
  EXPECT_FALSE(Address::make("\xff", domain));
  EXPECT_FALSE(Address::make(std::string(243, 'a'), domain));
}

}  // namespace
}  // namespace posthorn::mail
