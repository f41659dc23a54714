#include "smtp/xclient.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::smtp {
namespace {

TEST(Xclient, IsToldFromOtherCommands) {
  EXPECT_TRUE(is_xclient("XCLIENT NAME=a"));
  EXPECT_TRUE(is_xclient("xclient"));
  EXPECT_FALSE(is_xclient("XCLIENTS NAME=a"));
  EXPECT_FALSE(is_xclient("XCLIEN"));
}

TEST(Xclient, ReadsWhatItIsTold) {
  const auto command =
      parse_xclient("XCLIENT NAME=spike.example ADDR=168.100.189.2 PORT=4711 PROTO=ESMTP HELO=spike+2Bx LOGIN=alice");
  ASSERT_TRUE(command);
  EXPECT_EQ(*command, (XclientCommand{.address = IpAddress::parse("168.100.189.2"),
                                      .port = 4711,
                                      .host_name = "spike.example",
                                      .hello = "spike+x",
                                      .login = "alice"}));
}

TEST(Xclient, ReadsIpv6AndWhatIsNotThere) {
  const auto command =
      parse_xclient("XCLIENT  addr=ipv6:2001:db8::1 NAME=[UNAVAILABLE] HELO=[tempunavail] LOGIN=[UNAVAILABLE]");
  ASSERT_TRUE(command);
  EXPECT_EQ(*command, (XclientCommand{.address = IpAddress::parse("2001:db8::1")}));
}

TEST(Xclient, RefusesTheRest) {
  for (const auto* line : {"XCLIENT", "XCLIENT ", "XCLIENT ADDR", "XCLIENT ADDR=", "XCLIENT ADDR=2001:db8::1",
                           "XCLIENT ADDR=1.2.3", "XCLIENT PORT=65536", "XCLIENT PORT=-1", "XCLIENT PROTO=HTTP",
                           "XCLIENT FOO=bar", "XCLIENT LOGIN=", "XCLIENT HELO=a+0Ab", "XCLIENT NAME=a+00",
                           "XCLIENT FOO=[UNAVAILABLE]", "XCLIENT DESTADDR=x"}) {
    EXPECT_FALSE(parse_xclient(line)) << line;
  }
  EXPECT_FALSE(parse_xclient("XCLIENT HELO=" + std::string(300, 'x')));
}

}  // namespace
}  // namespace posthorn::smtp
