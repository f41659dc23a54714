#include "smtp/command.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {
namespace {

using enum CommandFault;

/// The command of that type, or a failure of the test.
template <class Wanted>
Wanted parse_as(std::string_view line) {
  auto command = parse_command(line, {});
  EXPECT_TRUE(command.has_value()) << line;
  EXPECT_TRUE(command && std::holds_alternative<Wanted>(*command)) << line;
  return command && std::holds_alternative<Wanted>(*command) ? std::get<Wanted>(*std::move(command)) : Wanted{};
}

std::optional<CommandFault> fault_of(std::string_view line, const CommandLimits& limits = {}) {
  auto command = parse_command(line, limits);
  return command ? std::nullopt : std::optional{command.error()};
}

TEST(Command, BareCommandsInAnyCaseAndWithBlanksBehind) {
  for (const auto* line : {"DATA", "data", "DaTa", "DATA ", "DATA \t "}) parse_as<DataCommand>(line);
  parse_as<ResetCommand>("RSET");
  parse_as<QuitCommand>("QUIT");
  parse_as<QuitCommand>("EXIT");
  parse_as<StartTlsCommand>("STARTTLS");
  parse_as<NoopCommand>("NOOP");
  parse_as<NoopCommand>("NOOP with words");
  for (const auto* line : {"DATA now", "RSET x", "QUIT x", "EXIT x", "STARTTLS x"}) {
    EXPECT_EQ(fault_of(line), unexpected_argument) << line;
  }
}

TEST(Command, Hello) {
  EXPECT_EQ(parse_as<HelloCommand>("EHLO client.example").name, "client.example");
  EXPECT_TRUE(parse_as<HelloCommand>("EHLO client.example").extended);
  EXPECT_FALSE(parse_as<HelloCommand>("helo client.example").extended);
  for (const auto* name : {"[192.0.2.1]", "[IPv6:2001:db8::1]", "localhost", "under_score", "-", "a..b"}) {
    EXPECT_EQ(parse_as<HelloCommand>(std::string("EHLO ") + name).name, name);
  }
  EXPECT_EQ(fault_of("EHLO"), missing_argument);
  EXPECT_EQ(fault_of("HELO "), missing_argument);
  for (const auto* line : {"EHLO two names", "EHLO a(b)", "EHLO a<b>", "EHLO a\"b", "EHLO a@b", "EHLO a;b"}) {
    EXPECT_EQ(fault_of(line), bad_argument) << line;
  }
  EXPECT_EQ(fault_of("EHLO b\xc3\xbc"
                     "cher.example"),
            bad_character);
  EXPECT_EQ(fault_of("EHLO " + std::string(256, 'a')), bad_argument);
}

TEST(Command, Bdat) {
  EXPECT_EQ(parse_as<BdatCommand>("BDAT 0").octets, 0U);
  EXPECT_FALSE(parse_as<BdatCommand>("BDAT 86").last);
  EXPECT_TRUE(parse_as<BdatCommand>("BDAT 86 LAST").last);
  EXPECT_TRUE(parse_as<BdatCommand>("bdat  86  last").last);
  EXPECT_EQ(parse_as<BdatCommand>("BDAT 18446744073709551615").octets, ~std::uint64_t{0});
  for (const auto* line : {"BDAT", "BDAT LAST", "BDAT -1", "BDAT +1", "BDAT 1x", "BDAT 1LAST", "BDAT 1 LASTING",
                           "BDAT 1 2", "BDAT 0x10", "BDAT 18446744073709551616", "BDAT 1.0", "BDAT 1 LAST LAST"}) {
    EXPECT_EQ(fault_of(line), bad_chunk_size) << line;
  }
}

TEST(Command, VerifyAndHelp) {
  EXPECT_EQ(parse_as<VerifyCommand>("VRFY alice").text, "alice");
  EXPECT_EQ(parse_as<VerifyCommand>("VRFY  Alice Smith ").text, "Alice Smith");
  EXPECT_EQ(parse_as<VerifyCommand>("VRFY \xc3\xa9lise SMTPUTF8").text, "\xc3\xa9lise");
  EXPECT_EQ(parse_as<VerifyCommand>("VRFY alice SMTPUTF8").text, "alice");
  EXPECT_EQ(fault_of("VRFY"), missing_argument);
  EXPECT_EQ(fault_of("VRFY \xc3\xa9lise"), needs_smtputf8);
  EXPECT_EQ(fault_of("VRFY \xc3\xa9lise SMTPUTF8", {.smtputf8 = false}), needs_smtputf8);
  EXPECT_EQ(parse_as<HelpCommand>("HELP").topic, "");
  EXPECT_EQ(parse_as<HelpCommand>("HELP MAIL").topic, "MAIL");
}

TEST(Command, Auth) {
  EXPECT_EQ(parse_as<AuthCommand>("AUTH PLAIN").initial_response, std::nullopt);
  EXPECT_EQ(parse_as<AuthCommand>("AUTH PLAIN AGEAYg==").initial_response, "AGEAYg==");
  EXPECT_EQ(parse_as<AuthCommand>("auth plain =").mechanism, "plain");
  EXPECT_EQ(parse_as<AuthCommand>("AUTH PLAIN =").initial_response, "=");
  EXPECT_EQ(fault_of("AUTH"), missing_argument);
  EXPECT_EQ(fault_of("AUTH PLAIN a b"), bad_argument);
}

TEST(Command, WhatIsKnownAndNotDone) {
  for (const auto* line : {"EXPN staff", "TURN", "SEND FROM:<a@b.example>", "SOML FROM:<a@b.example>",
                           "SAML FROM:<a@b.example>", "ETRN x"}) {
    EXPECT_EQ(fault_of(line), not_implemented) << line;
  }
}

TEST(Command, WhatIsUnknownOrOfAnotherProtocol) {
  for (const auto* line : {"", " ", "FOO", "MAILFROM:<a@b.example>", "DATAX", "EHLO: x", " NOOP", "\xff\xfe"}) {
    EXPECT_EQ(fault_of(line), unknown) << line;
  }
  for (const auto* line :
       {"GET / HTTP/1.1", "POST /x HTTP/1.0", "CONNECT mx:25 HTTP/1.1", "PRI * HTTP/2.0", "options *"}) {
    EXPECT_EQ(fault_of(line), not_smtp) << line;
  }
}

TEST(Command, ControlCharactersAnd8Bit) {
  EXPECT_EQ(fault_of("NOOP \x01"), bad_character);
  EXPECT_EQ(fault_of("NOOP \x7f"), bad_character);
  EXPECT_EQ(fault_of("NOOP \x1b[2J"), bad_character);
  EXPECT_EQ(fault_of("NOOP \xc3\xa9"), bad_character);
  EXPECT_EQ(fault_of("MAIL FROM:<a\x01@b.example>"), bad_character);
  parse_as<NoopCommand>("NOOP\tx");
}

// RFC 5321 §4.5.3.1.4, with CRLF
TEST(Command, EachHasItsOwnLongestLine) {
  const auto padded = [](std::string line, std::size_t octets) { return line.append(octets - 2 - line.size(), 'x'); };
  EXPECT_EQ(fault_of(padded("NOOP ", 512)), std::nullopt);
  EXPECT_EQ(fault_of(padded("NOOP ", 513)), too_long);
  EXPECT_EQ(fault_of(padded("UNKNOWN ", 513)), too_long);
  EXPECT_EQ(fault_of(padded("MAIL FROM:<a@b.example> ENVID=", 513)), bad_parameter) << "not too long yet";
  EXPECT_EQ(fault_of(padded("MAIL FROM:<a@b.example> ENVID=", 2049)), too_long);
  EXPECT_EQ(fault_of(padded("RCPT TO:<a@b.example> ORCPT=rfc822;", 2049)), too_long);
  EXPECT_EQ(fault_of(padded("AUTH PLAIN ", 12'288)), std::nullopt);
  EXPECT_EQ(fault_of(padded("AUTH PLAIN ", 12'289)), too_long);
}

TEST(Command, TheStartOfAnotherProtocolIsKnown) {
  for (const auto* line : {"SSH-2.0-OpenSSH_9.2p1", "Host: mx.example.org", "{\"a\":1}", "<html>", "\x16\x03\x01",
                           "a=b", "\x01", "a\x80"}) {
    EXPECT_TRUE(is_foreign_start(line)) << line;
  }
  for (const auto* line : {"EHLO x.example", "NOOP", "X-COMMAND y", "FOO_1", "", " x"}) {
    EXPECT_FALSE(is_foreign_start(line)) << line;
  }
}

TEST(Command, FaultsHaveTheRepliesOfTheAddressBook) {
  struct Row {
    CommandFault fault;
    const char* reply;
  };
  for (const auto& [fault, reply] : {
           Row{unknown, "500 5.5.2 "},
           Row{not_implemented, "502 5.5.1 "},
           Row{not_smtp, "500 5.5.1 "},
           Row{missing_argument, "501 5.5.4 "},
           Row{unexpected_argument, "501 5.5.4 "},
           Row{bad_argument, "501 5.5.4 "},
           Row{bad_character, "501 5.5.2 "},
           Row{bad_sender, "501 5.1.7 "},
           Row{bad_recipient, "501 5.1.3 "},
           Row{needs_smtputf8, "553 5.6.7 "},
           Row{unknown_parameter, "555 5.5.4 "},
           Row{bad_parameter, "501 5.5.4 "},
           Row{message_too_large, "552 5.3.4 "},
           Row{bad_chunk_size, "501 5.5.4 "},
           Row{too_long, "500 5.5.2 "},
       }) {
    EXPECT_TRUE(reply_to(fault).to_string().starts_with(reply)) << reply_to(fault).to_string();
  }
}

}  // namespace
}  // namespace posthorn::smtp
