#include "smtp/envelope_command.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace posthorn::smtp {
namespace {

using enum CommandFault;

mail::Envelope mail_of(std::string_view arguments) {
  auto command = parse_mail(arguments, {});
  EXPECT_TRUE(command.has_value()) << arguments;
  return command ? std::get<MailCommand>(*std::move(command)).envelope : mail::Envelope{};
}

RcptCommand rcpt_of(std::string_view arguments) {
  auto command = parse_rcpt(arguments, {});
  EXPECT_TRUE(command.has_value()) << arguments;
  return command ? std::get<RcptCommand>(*std::move(command)) : RcptCommand{};
}

std::optional<CommandFault> mail_fault(std::string_view arguments, const CommandLimits& limits = {}) {
  auto command = parse_mail(arguments, limits);
  return command ? std::nullopt : std::optional{command.error()};
}

std::optional<CommandFault> rcpt_fault(std::string_view arguments, const CommandLimits& limits = {}) {
  auto command = parse_rcpt(arguments, limits);
  return command ? std::nullopt : std::optional{command.error()};
}

TEST(Mail, Senders) {
  EXPECT_EQ(mail_of("FROM:<a@b.example>").sender->to_string(), "a@b.example");
  EXPECT_EQ(mail_of("FROM:<>").sender, std::nullopt);
  EXPECT_EQ(mail_of("from:<a@b.example>").sender->to_string(), "a@b.example");
  EXPECT_EQ(mail_of("FROM: <a@b.example>").sender->to_string(), "a@b.example") << "tolerated";
  EXPECT_EQ(mail_of("FROM:<@x.example,@y.example:a@b.example>").sender->to_string(), "a@b.example");
  EXPECT_EQ(mail_of("FROM:<\"a b>c\"@b.example>").sender->local_part(), "a b>c");
}

TEST(Mail, WhatIsNoSender) {
  for (const auto* arguments : {"", "FROM:", "FROM: "}) EXPECT_EQ(mail_fault(arguments), missing_argument) << arguments;
  for (const auto* arguments :
       {"TO:<a@b.example>", "FROM <a@b.example>", "FROM :<a@b.example>", "FROM:a@b.example", "<a@b.example>"}) {
    EXPECT_EQ(mail_fault(arguments), bad_argument) << arguments;
  }
  for (const auto* arguments :
       {"FROM:<a>", "FROM:<a@>", "FROM:<@b.example>", "FROM:<a@b@c.example>", "FROM:<a b@c.example>",
        "FROM:<a@b.example", "FROM:<postmaster>", "FROM:<a@b..example>", "FROM:<<a@b.example>>"}) {
    EXPECT_EQ(mail_fault(arguments), bad_sender) << arguments;
  }
  EXPECT_EQ(mail_fault("FROM:<a@b.example>SIZE=1"), bad_parameter);
  EXPECT_EQ(mail_fault("FROM:<a@b.example>x"), bad_parameter);
}

TEST(Mail, ParametersFillTheEnvelope) {
  const auto envelope = mail_of(
      "FROM:<a@b.example> SIZE=1234 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B314159 AUTH=e+3Dmc2@example.com");
  EXPECT_EQ(envelope.declared_size, 1234U);
  EXPECT_EQ(envelope.body, mail::BodyType::eight_bit);
  EXPECT_TRUE(envelope.smtputf8);
  EXPECT_EQ(envelope.return_content, mail::ReturnContent::headers);
  EXPECT_EQ(envelope.envelope_id, "QQ+314159");
  EXPECT_EQ(envelope.submitter, "e=mc2@example.com");
}

TEST(Mail, ParametersOneByOne) {
  EXPECT_EQ(mail_of("FROM:<a@b.example> body=7bit").body, mail::BodyType::seven_bit);
  EXPECT_EQ(mail_of("FROM:<a@b.example> BODY=BINARYMIME").body, mail::BodyType::binary);
  EXPECT_EQ(mail_of("FROM:<a@b.example> RET=FULL").return_content, mail::ReturnContent::full);
  EXPECT_EQ(mail_of("FROM:<a@b.example> AUTH=<>").submitter, "");
  EXPECT_EQ(mail_of("FROM:<a@b.example>").submitter, std::nullopt);
  EXPECT_EQ(mail_of("FROM:<a@b.example>   SIZE=0  ").declared_size, 0U);
  EXPECT_EQ(mail_of("FROM:<a@b.example> SIZE=18446744073709551615").declared_size, ~std::uint64_t{0});
}

TEST(Mail, ParametersThatAreNotKnownOrNotOffered) {
  for (const auto* parameter : {"FOO", "FOO=1", "NOTIFY=NEVER", "ORCPT=rfc822;a@b.example", "MT-PRIORITY=4", "X"}) {
    EXPECT_EQ(mail_fault(std::string("FROM:<a@b.example> ") + parameter), unknown_parameter) << parameter;
  }
  EXPECT_EQ(mail_fault("FROM:<a@b.example> BODY=8BITMIME", {.body = false}), unknown_parameter);
  EXPECT_EQ(mail_fault("FROM:<a@b.example> BODY=BINARYMIME", {.binary = false}), bad_parameter);
  EXPECT_EQ(mail_fault("FROM:<a@b.example> SMTPUTF8", {.smtputf8 = false}), unknown_parameter);
  EXPECT_EQ(mail_fault("FROM:<a@b.example> RET=FULL", {.dsn = false}), unknown_parameter);
  EXPECT_EQ(mail_fault("FROM:<a@b.example> ENVID=x", {.dsn = false}), unknown_parameter);
}

TEST(Mail, ParametersThatAreMalformed) {
  for (const auto* parameter : {"SIZE",      "SIZE=",     "SIZE=x",       "SIZE=-1",  "SIZE=1 SIZE=1",
                                "BODY",      "BODY=9BIT", "SMTPUTF8=yes", "RET=SOME", "ENVID=",
                                "ENVID=a+2", "ENVID=a=b", "AUTH=+",       "AUTH=",    "AUTH=nobody",
                                "=",         "=x",        "-X",           "SIZE==1",  "SIZE=111111111111111111111"}) {
    EXPECT_EQ(mail_fault(std::string("FROM:<a@b.example> ") + parameter), bad_parameter) << parameter;
  }
  EXPECT_EQ(mail_fault("FROM:<a@b.example> ENVID=" + std::string(101, 'x')), bad_parameter);
  EXPECT_EQ(mail_fault("FROM:<a@b.example> SIZE=99999999999999999999"), message_too_large);
}

// RFC 6531 §3.4, §3.5
TEST(Mail, NonAsciiOnlyWithSmtputf8) {
  EXPECT_EQ(mail_of("FROM:<\xc3\xa9@b.example> SMTPUTF8").sender->local_part(), "\xc3\xa9");
  EXPECT_EQ(mail_fault("FROM:<\xc3\xa9@b.example>"), needs_smtputf8);
  EXPECT_EQ(mail_fault("FROM:<a@b\xc3\xbc"
                       "cher.example>"),
            needs_smtputf8);
  EXPECT_EQ(mail_fault("FROM:<\xff@b.example> SMTPUTF8"), bad_sender);
}

TEST(Rcpt, Recipients) {
  const auto address = [](std::string_view arguments) {
    return std::get<mail::Address>(rcpt_of(arguments).path).to_string();
  };
  EXPECT_EQ(address("TO:<a@b.example>"), "a@b.example");
  EXPECT_EQ(address("TO: <a@b.example>"), "a@b.example");
  EXPECT_EQ(address("to:<@x.example:a@b.example>"), "a@b.example");
  EXPECT_EQ(address("TO:<postmaster@b.example>"), "postmaster@b.example");
  EXPECT_TRUE(std::holds_alternative<mail::PostmasterPath>(rcpt_of("TO:<Postmaster>").path));
}

TEST(Rcpt, WhatIsNoRecipient) {
  for (const auto* arguments : {"", "TO:", "TO: "}) EXPECT_EQ(rcpt_fault(arguments), missing_argument) << arguments;
  for (const auto* arguments : {"FROM:<a@b.example>", "TO a@b.example", "TO:a@b.example"})
    EXPECT_EQ(rcpt_fault(arguments), bad_argument) << arguments;
  for (const auto* arguments : {"TO:<>", "TO:<a>", "TO:<a@>", "TO:<a@b.example", "TO:<a@b.example,c@d.example>"}) {
    EXPECT_EQ(rcpt_fault(arguments), bad_recipient) << arguments;
  }
}

TEST(Rcpt, ParametersFillTheRecipient) {
  const auto command = rcpt_of("TO:<a@b.example> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+40x@y.example");
  EXPECT_EQ(command.notify, (mail::Notify{.success = true, .delay = true}));
  ASSERT_TRUE(command.original);
  EXPECT_EQ(command.original->type, "rfc822");
  EXPECT_EQ(command.original->address, "Bob@x@y.example");
  EXPECT_EQ(rcpt_of("TO:<a@b.example> NOTIFY=NEVER").notify, (mail::Notify{.never = true}));
}

TEST(Rcpt, ParametersThatAreWrong) {
  for (const auto* parameter : {"NOTIFY=", "NOTIFY=NEVER,SUCCESS", "NOTIFY=SOMETIMES", "NOTIFY=,", "ORCPT=a@b.example",
                                "ORCPT=rfc822;", "NOTIFY=DELAY NOTIFY=DELAY", "ORCPT"}) {
    EXPECT_EQ(rcpt_fault(std::string("TO:<a@b.example> ") + parameter), bad_parameter) << parameter;
  }
  for (const auto* parameter : {"SMTPUTF8", "SIZE=1", "BODY=7BIT", "FOO=1"}) {
    EXPECT_EQ(rcpt_fault(std::string("TO:<a@b.example> ") + parameter), unknown_parameter) << parameter;
  }
  EXPECT_EQ(rcpt_fault("TO:<a@b.example> NOTIFY=NEVER", {.dsn = false}), unknown_parameter);
}

TEST(Rcpt, NonAsciiIsTold) {
  EXPECT_FALSE(rcpt_of("TO:<a@b.example>").has_8bit);
  EXPECT_TRUE(rcpt_of("TO:<\xc3\xa9@b.example>").has_8bit);
  EXPECT_TRUE(rcpt_of("TO:<a@b\xc3\xbc"
                      "cher.example>")
                  .has_8bit)
      << "though its canonical form is ASCII";
}

}  // namespace
}  // namespace posthorn::smtp
