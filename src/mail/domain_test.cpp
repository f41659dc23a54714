#include "mail/domain.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

TEST(Domain, HasOneCanonicalForm) {
  struct Row {
    std::string text;
    std::string canonical;
  };
  for (const auto& [text, canonical] : {
           Row{"example.org", "example.org"},
           Row{"EXAMPLE.Org", "example.org"},
           Row{"example.org.", "example.org"},
           Row{"localhost", "localhost"},
           Row{"a", "a"},
           Row{"3com.example", "3com.example"},
           Row{"_dmarc.a_b.example", "_dmarc.a_b.example"},
           Row{"a--b.example", "a--b.example"},
           Row{"bücher.example", "xn--bcher-kva.example"},
           Row{"BÜCHER.example", "xn--bcher-kva.example"},
           Row{"bu\u0308cher.example", "xn--bcher-kva.example"},
           Row{"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
           Row{"faß.example", "xn--fa-hia.example"},
           Row{"例え。テスト", "xn--r8jz45g.xn--zckzah"},
           Row{"ｅｘａｍｐｌｅ.org", "example.org"},
           Row{"[192.0.2.1]", "[192.0.2.1]"},
           Row{"[IPv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]"},
           Row{"[ipv6:::1]", "[IPv6:::1]"},
           Row{"[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]"},
           Row{std::string(63, 'a') + ".example", std::string(63, 'a') + ".example"},
       }) {
    const auto domain = Domain::parse(text);
    ASSERT_TRUE(domain) << text << ": " << domain.error().text;
    EXPECT_EQ(domain->text(), canonical);
    EXPECT_EQ(Domain::parse(domain->text()), *domain) << "the canonical form is a fixed point";
  }
}

TEST(Domain, OtherTextIsRefused) {
  struct Row {
    const char* name;
    std::string text;
  };
  for (const auto& [name, text] : {
           Row{"empty", ""},
           Row{"the root", "."},
           Row{"two trailing dots", "example.org.."},
           Row{"leading dot", ".example.org"},
           Row{"empty label", "example..org"},
           Row{"parent folder", ".."},
           Row{"slash", "example/org"},
           Row{"space", "example org"},
           Row{"control character", "example\n.org"},
           Row{"NUL", std::string("a\0b.example", 11)},
           Row{"NUL beside UTF-8", std::string("\xc3\xbc\0b.example", 12)},
           Row{"at sign", "a@example.org"},
           Row{"leading hyphen", "-a.example"},
           Row{"trailing hyphen", "a-.example"},
           Row{"label of 64", std::string(64, 'a') + ".example"},
           Row{"name of 254", std::string(63, 'a') + '.' + std::string(63, 'b') + '.' + std::string(63, 'c') + '.' +
                                  std::string(62, 'd')},
           Row{"endless", std::string(1 << 20, 'a')},
           Row{"endless UTF-8",
               [] {
                 std::string text;
                 for (int i = 0; i < 10'000; ++i) text += "ü.";
                 return text;
               }()},
           Row{"an IPv4 address without brackets", "192.0.2.1"},
           Row{"the same in full width", "１９２.0.2.１"},
           Row{"digits last", "example.1"},
           Row{"not UTF-8",
               "b\xfc"
               "cher.example"},
           Row{"maps to a slash", "℀.example"},
           Row{"maps to nothing", "\u200b"},
           Row{"symbol", "☃☃\u202e.example"},
           Row{"U-label too long",
               [] {
                 std::string text;
                 for (int i = 0; i < 64; ++i) text += "ü";
                 return text + ".example";
               }()},
           Row{"literal not closed", "[192.0.2.1"},
           Row{"literal with text after", "[192.0.2.1]."},
           Row{"empty literal", "[]"},
           Row{"literal bracket only", "["},
           Row{"literal with a leading zero", "[192.0.2.01]"},
           Row{"IPv6 without its tag", "[2001:db8::1]"},
           Row{"IPv4 with the tag of IPv6", "[IPv6:192.0.2.1]"},
           Row{"IPv6 with a zone", "[IPv6:fe80::1%eth0]"},
           Row{"general literal", "[x400:abc]"},
           Row{"literal with blanks", "[ 192.0.2.1 ]"},
       }) {
    EXPECT_FALSE(Domain::parse(text)) << name;
  }
}

TEST(Domain, ALiteralGivesItsAddress) {
  EXPECT_EQ(Domain::parse("[192.0.2.1]")->literal_address(), IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(Domain::parse("[IPv6:2001:db8::1]")->literal_address(), IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(Domain::parse("example.org")->literal_address(), std::nullopt);
}

TEST(Domain, PeopleReadULabels) {
  EXPECT_EQ(Domain::parse("xn--bcher-kva.example")->to_unicode(), "bücher.example");
  EXPECT_EQ(Domain::parse("example.org")->to_unicode(), "example.org");
  EXPECT_EQ(Domain::parse("xn--a.example")->to_unicode(), "xn--a.example") << "a fake A-label stays what it is";
}

}  // namespace
}  // namespace posthorn::mail
