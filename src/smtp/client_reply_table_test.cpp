#include "smtp/client_reply_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace posthorn::smtp {
namespace {

using enum ProbedCommand;
using enum ReplyMeaning;

TEST(ReplyTable, TheCodesOfRfc821AreKnown) {
  struct Row {
    ProbedCommand command;
    unsigned code;
    ReplyMeaning meaning;
  };
  for (const auto& [command, code, meaning] : {
           Row{connection, 220, success},  Row{connection, 421, failure},  Row{connection, 554, failure},
           Row{helo, 250, success},        Row{helo, 504, error},          Row{ehlo, 502, error},
           Row{mail, 250, success},        Row{mail, 452, failure},        Row{mail, 501, error},
           Row{rcpt, 251, success},        Row{rcpt, 450, failure},        Row{rcpt, 503, error},
           Row{data, 354, intermediate},   Row{data, 554, failure},        Row{data, 503, error},
           Row{end_of_data, 250, success}, Row{end_of_data, 452, failure}, Row{rset, 250, success},
           Row{rset, 504, error},          Row{send, 502, error},          Row{soml, 452, failure},
           Row{saml, 250, success},        Row{vrfy, 252, success},        Row{vrfy, 551, failure},
           Row{expn, 550, failure},        Row{help, 214, success},        Row{noop, 500, error},
           Row{quit, 221, success},        Row{turn, 502, failure},        Row{turn, 503, error},
           Row{starttls, 454, failure},    Row{auth, 334, intermediate},   Row{auth, 535, failure},
       }) {
    EXPECT_EQ(verdict_on(command, code), (ReplyVerdict{meaning, true})) << reply_row(command).name << " " << code;
  }
}

TEST(ReplyTable, OtherCodesMeanWhatTheirFirstDigitSays) {
  struct Row {
    ProbedCommand command;
    unsigned code;
    ReplyMeaning meaning;
  };
  for (const auto& [command, code, meaning] :
       {Row{mail, 299, success}, Row{mail, 354, error}, Row{mail, 499, failure}, Row{mail, 599, failure},
        Row{data, 250, error}, Row{data, 399, intermediate}, Row{quit, 250, success}, Row{rset, 100, error}}) {
    EXPECT_EQ(verdict_on(command, code), (ReplyVerdict{meaning, false})) << reply_row(command).name << " " << code;
  }
}

TEST(ReplyTable, NoCodeHasTwoMeanings) {
  for (unsigned i = 0; i <= static_cast<unsigned>(auth); ++i) {
    const auto& row = reply_row(static_cast<ProbedCommand>(i));
    std::set<std::uint16_t> seen;
    for (const auto codes : {row.success, row.intermediate, row.failure, row.error}) {
      for (const auto code : codes) EXPECT_TRUE(seen.insert(code).second) << row.name << " " << code;
    }
  }
}

}  // namespace
}  // namespace posthorn::smtp
