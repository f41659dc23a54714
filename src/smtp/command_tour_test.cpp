#include "smtp/command_tour.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace posthorn::smtp {
namespace {

using Reason = SessionEnd::Reason;
using Lines = std::vector<std::string>;

PeerReply reply_of(unsigned code) { return {.code = code, .lines = {"so"}}; }

/// What is sent to a server that answers these commands so, and all others with 502 (RSET and NOOP with 250).
Lines toured(CommandTour& tour, const std::map<std::string, unsigned>& codes) {
  Lines lines;
  while (auto line = tour.next()) {
    const auto verb = line->substr(0, line->find(' '));
    const auto found = codes.find(verb);
    const unsigned usual = verb == "RSET" || verb == "NOOP" ? 250 : 502;
    tour.answered(reply_of(found == codes.end() ? usual : found->second));
    lines.push_back(std::move(*line));
  }
  return lines;
}

TEST(CommandTour, AsksForEverythingOfAServerThatKnowsNothing) {
  CommandTour tour({.sender = "alice@example.org", .user = "bob@example.test"});
  EXPECT_EQ(toured(tour, {}),
            (Lines{"HELP", "NOOP", "VRFY bob@example.test", "EXPN bob@example.test", "SEND FROM:<alice@example.org>",
                   "SOML FROM:<alice@example.org>", "SAML FROM:<alice@example.org>", "TURN"}));
  EXPECT_FALSE(tour.fault());
  EXPECT_FALSE(tour.roles_are_turned());
}

TEST(CommandTour, EndsEachTransactionThatItBegan) {
  CommandTour tour({.sender = "", .user = "postmaster"});
  EXPECT_EQ(toured(tour, {{"SEND", 250}, {"SAML", 250}}),
            (Lines{"HELP", "NOOP", "VRFY postmaster", "EXPN postmaster", "SEND FROM:<>", "RSET", "SOML FROM:<>",
                   "SAML FROM:<>", "RSET", "TURN"}));
}

TEST(CommandTour, EndsWhatAMailLeftOpen) {
  CommandTour tour({.sender = "", .user = "postmaster", .transaction_is_open = true});
  EXPECT_EQ(toured(tour, {}), (Lines{"HELP", "NOOP", "VRFY postmaster", "EXPN postmaster", "RSET", "SEND FROM:<>",
                                     "SOML FROM:<>", "SAML FROM:<>", "TURN"}));
}

TEST(CommandTour, KnowsThatTheRolesAreTurned) {
  CommandTour tour({.sender = "", .user = "postmaster"});
  EXPECT_EQ(toured(tour, {{"TURN", 250}}).back(), "TURN");
  EXPECT_TRUE(tour.roles_are_turned());
  EXPECT_FALSE(tour.fault());
}

TEST(CommandTour, StopsAtWhatNoServerMayAnswer) {
  struct Row {
    std::string verb;
    unsigned code;
    ProbedCommand command;
    Reason reason;
  };
  for (const auto& row : {
           Row{"HELP", 354, ProbedCommand::help, Reason::protocol_error},
           Row{"HELP", 421, ProbedCommand::help, Reason::refused_for_now},
           Row{"NOOP", 500, ProbedCommand::noop, Reason::protocol_error},
           Row{"NOOP", 450, ProbedCommand::noop, Reason::refused_for_now},
           Row{"NOOP", 550, ProbedCommand::noop, Reason::refused_for_good},
           Row{"SOML", 421, ProbedCommand::soml, Reason::refused_for_now},
           Row{"TURN", 354, ProbedCommand::turn, Reason::protocol_error},
       }) {
    CommandTour tour({.sender = "", .user = "postmaster"});
    const auto lines = toured(tour, {{row.verb, row.code}});
    ASSERT_TRUE(tour.fault()) << row.verb << row.code;
    EXPECT_EQ(lines.back().substr(0, 4), row.verb) << row.code;
    EXPECT_EQ(tour.fault()->command, row.command) << row.code;
    EXPECT_EQ(tour.fault()->reason, row.reason) << row.verb << row.code;
    EXPECT_EQ(tour.fault()->code, row.code);
  }
}

TEST(CommandTour, StopsWhereRsetIsRefused) {
  CommandTour tour({.sender = "", .user = "postmaster"});
  EXPECT_EQ(toured(tour, {{"SEND", 250}, {"RSET", 500}}).back(), "RSET");
  ASSERT_TRUE(tour.fault());
  EXPECT_EQ(tour.fault()->command, ProbedCommand::rset);
}

}  // namespace
}  // namespace posthorn::smtp
