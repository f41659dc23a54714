#include "smtp/reply.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::smtp {
namespace {

TEST(Reply, LooksAsRfc5321AndRfc2034Say) {
  EXPECT_EQ((Reply{250, {2, 0, 0}, "OK"}.to_string()), "250 2.0.0 OK\r\n");
  EXPECT_EQ((Reply{354, "Go ahead"}.to_string()), "354 Go ahead\r\n");
  EXPECT_EQ((Reply{214, {2, 0, 0}, "one\ntwo\n\nfour"}.to_string()),
            "214-2.0.0 one\r\n214-2.0.0 two\r\n214-2.0.0 \r\n214 2.0.0 four\r\n");
  EXPECT_EQ((Reply{250, ""}.to_string()), "250 \r\n");
}

TEST(Reply, TheStatusCanBeLeftOut) {
  Reply reply{550, {5, 1, 1}, "No such user here"};
  reply.drop_status();
  EXPECT_EQ(reply.to_string(), "550 No such user here\r\n");
}

TEST(Reply, LinesAreAdded) {
  ReplyLines lines{"first"};
  lines.add_line(ReplyText{"second"});
  lines.add_line(ReplyText{"third"});
  EXPECT_EQ((Reply{250, lines}.to_string()), "250-first\r\n250-second\r\n250 third\r\n");
}

TEST(Reply, WordsPutTogetherWhileRunningCannotEndALine) {
  EXPECT_EQ((Reply{250, ReplyText{"a\r\n354 b"}}.to_string()), "250 a??354 b\r\n");
}

TEST(Reply, KnowsItsKind) {
  struct Row {
    unsigned code;
    bool success, transient, permanent, refusal, ends;
  };
  for (const auto& [code, success, transient, permanent, refusal, ends] : {
           Row{250, true, false, false, false, false},
           Row{354, false, false, false, false, false},
           Row{421, false, true, false, true, true},
           Row{451, false, true, false, true, false},
           Row{554, false, false, true, true, false},
       }) {
    const Reply reply{code, "words"};
    EXPECT_EQ(reply.is_success(), success) << code;
    EXPECT_EQ(reply.is_transient(), transient) << code;
    EXPECT_EQ(reply.is_permanent(), permanent) << code;
    EXPECT_EQ(reply.is_refusal(), refusal) << code;
    EXPECT_EQ(reply.ends_session(), ends) << code;
  }
}

using ReplyDeathTest = ::testing::Test;

TEST(ReplyDeathTest, CodeAndStatusThatDisagreeAreABug) {
  EXPECT_DEATH((Reply{250, {5, 1, 1}, "words"}), "status and code agree");
  EXPECT_DEATH((Reply{150, "words"}), "2yz to 5yz");
  EXPECT_DEATH((Reply{600, "words"}), "2yz to 5yz");
}

}  // namespace
}  // namespace posthorn::smtp
