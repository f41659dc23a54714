#include "smtp/standard_replies.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::smtp {
namespace {

std::string head(const Reply& reply) { return reply.to_string().substr(0, 9); }

// The contract with scripts: INTERFACE, "The address book of replies".
TEST(StandardReplies, TheAddressBook) {
  EXPECT_EQ(head(replies::relay_denied()), "550 5.7.1");
  EXPECT_EQ(head(replies::unknown_user()), "550 5.1.1");
  EXPECT_EQ(head(replies::unknown_command()), "500 5.5.2");
  EXPECT_EQ(head(replies::missing_argument()), "501 5.5.4");
  EXPECT_EQ(head(replies::mail_first()), "503 5.5.1");
  EXPECT_EQ(head(replies::not_implemented()), "502 5.5.1");
  EXPECT_EQ(head(replies::message_too_large()), "552 5.3.4");
  EXPECT_EQ(head(replies::too_many_recipients()), "452 4.5.3");
  EXPECT_EQ(head(replies::out_of_space()), "452 4.3.1");
  EXPECT_EQ(head(replies::internal_trouble()), "451 4.3.0");
  EXPECT_EQ(head(replies::tls_needed()), "530 5.7.0");
  EXPECT_EQ(head(replies::authentication_needed()), "530 5.7.0");
  EXPECT_EQ(head(replies::shutting_down()), "421 4.3.2");
  EXPECT_EQ(head(replies::timed_out()), "421 4.4.2");
}

TEST(StandardReplies, WhatDependsOnTheMoment) {
  EXPECT_EQ(replies::greeting("mx.example.org").to_string(), "220 mx.example.org ESMTP Posthorn\r\n");
  EXPECT_EQ(replies::message_accepted(MessageId{10}).to_string(), "250 2.0.0 Accepted, id 000000000000A\r\n");
  EXPECT_EQ(replies::challenge("").to_string(), "334 \r\n");
  EXPECT_EQ(replies::challenge("Username:").to_string(), "334 VXNlcm5hbWU6\r\n");
}

TEST(StandardReplies, UnfitMessages) {
  using enum mail::MessageFault;
  for (const auto fault : {bare_cr, bare_lf, nul}) EXPECT_EQ(head(replies::unfit_message(fault)), "550 5.6.0");
  EXPECT_EQ(head(replies::unfit_message(too_large)), "552 5.3.4");
  for (const auto fault : {line_too_long, header_too_large, too_many_fields})
    EXPECT_EQ(head(replies::unfit_message(fault)), "554 5.6.0");
  EXPECT_EQ(head(replies::unfit_message(too_many_hops)), "554 5.4.6");
}

TEST(StandardReplies, HelpKnowsEachCommand) {
  for (const auto* command : {"HELO", "EHLO", "mail", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "HELP", "QUIT",
                              "EXIT", "STARTTLS", "AUTH"}) {
    ASSERT_TRUE(replies::help_about(command)) << command;
    EXPECT_EQ(head(*replies::help_about(command)), "214 2.0.0") << command;
  }
  EXPECT_FALSE(replies::help_about("EXPN"));
  EXPECT_FALSE(replies::help_about(""));
}

}  // namespace
}  // namespace posthorn::smtp
