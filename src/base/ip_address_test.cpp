#include "base/ip_address.hpp"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

TEST(IpAddress, TextAndBack) {
  struct Row {
    const char* text;
    const char* canonical;
  };
  for (const auto& [text, canonical] : {
           Row{"192.0.2.1", "192.0.2.1"},
           Row{"::", "::"},
           Row{"::1", "::1"},
           Row{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
           Row{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // RFC 5952 §4.2.2: one zero group is not shortened
           Row{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
           Row{"fe80::", "fe80::"},
           Row{"::ffff:192.0.2.1", "192.0.2.1"},
           Row{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
       }) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), canonical);
  }
}

TEST(IpAddress, OtherTextIsNone) {
  for (const auto* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "01.2.3.4",
                           "256.1.1.1",
                           "1.2.3.4 ",
                           ":",
                           ":::",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7::8",
                           "12345::",
                           "::g",
                           "1:",
                           ":1",
                           "fe80::1%eth0",
                           "[::1]",
                           "::1.2.3",
                           "1.2.3.4::"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, LoopbackIsTheWholeOf127) {
  EXPECT_TRUE(IpAddress::parse("127.8.8.8")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::ffff:127.0.0.1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
}

TEST(Endpoint, TextAndBack) {
  for (const auto* text : {"192.0.2.1:25", "[2001:db8::1]:65535", "0.0.0.0:0"}) {
    ASSERT_TRUE(Endpoint::parse(text)) << text;
    EXPECT_EQ(Endpoint::parse(text)->to_string(), text);
  }
  for (const auto* text : {"192.0.2.1", "::1:25", "[192.0.2.1]:25", "[::1]:65536", "[::1]", "host:25", ":25"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

TEST(IpNetwork, ContainsByPrefix) {
  const auto network = IpNetwork::parse("192.0.2.128/25");
  ASSERT_TRUE(network);
  EXPECT_TRUE(network->contains(*IpAddress::parse("192.0.2.255")));
  EXPECT_FALSE(network->contains(*IpAddress::parse("192.0.2.127")));
  EXPECT_FALSE(network->contains(*IpAddress::parse("2001:db8::1")));
  EXPECT_TRUE(IpNetwork::parse("::1")->contains(*IpAddress::parse("::1")));
  EXPECT_TRUE(IpNetwork::parse("0.0.0.0/0")->contains(*IpAddress::parse("8.8.8.8")));
  EXPECT_FALSE(IpNetwork::parse("1.2.3.4/33"));
}

}  // namespace
}  // namespace posthorn
