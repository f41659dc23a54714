#include "rules/next_hop.hpp"

#include <gtest/gtest.h>

namespace posthorn::rules {
namespace {

TEST(NextHop, IsReadAsItIsWritten) {
  struct Row {
    const char* text;
    const char* canonical;
  };
  for (const auto& [text, canonical] : {
           Row{"relay.example", "relay.example"},
           Row{"Relay.Example:587", "relay.example:587"},
           Row{"[192.0.2.1]:25", "[192.0.2.1]:25"},
           Row{"[2001:DB8::1]", "[2001:db8::1]"},
           Row{"192.0.2.1:25", "[192.0.2.1]:25"},
           Row{"lmtp:localhost:24", "lmtp:localhost:24"},
           Row{"LMTP:[::1]:2424", "lmtp:[::1]:2424"},
           Row{"lmtp:unix:/run/dovecot/lmtp", "lmtp:unix:/run/dovecot/lmtp"},
       }) {
    const auto hop = NextHop::parse(text);
    ASSERT_TRUE(hop) << text << ": " << hop.error().text;
    EXPECT_EQ(hop->to_string(), canonical);
    EXPECT_EQ(*NextHop::parse(hop->to_string()), *hop) << text;
  }
}

TEST(NextHop, OtherTextIsRefused) {
  for (const auto* text : {"", ":25", "relay.example:", "relay.example:0", "relay.example:65536", "relay.example:25x",
                           "[192.0.2.1", "[relay.example]:25", "[192.0.2.1]25", "2001:db8::1", "lmtp:", "lmtp:unix:run",
                           "lmtp:unix:", "unix:/run/lmtp", "relay example", "relay..example"}) {
    EXPECT_FALSE(NextHop::parse(text)) << text;
  }
}

}  // namespace
}  // namespace posthorn::rules
