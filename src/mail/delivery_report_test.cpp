#include "mail/delivery_report.hpp"

#include "base/utf8.hpp"
#include "mail/content_type.hpp"
#include "mail/header_field.hpp"
#include "mail/message_scanner.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace posthorn::mail {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view original =
    "From: alice@example.org\r\nMessage-ID:\r\n <1@example.org>\r\nSubject: hello\r\n\r\nthe body\r\n";

Address address(std::string_view text) { return *Address::parse(text); }

ReportedRecipient failed_recipient(std::string_view text) {
  return {.recipient = address(text),
          .original = std::nullopt,
          .action = DeliveryAction::failed,
          .status = EnhancedStatus{5, 1, 1},
          .reason = "",
          .remote_host = "mx.example.net",
          .reply = "550-5.1.1 no such\r\n550 5.1.1 user",
          .last_attempt = WallTime{1'795'224'225s},
          .will_retry_until = std::nullopt};
}

DeliveryReport usual() {
  return {.id = MessageId{78},
          .to = address("alice@example.org"),
          .reporting_host = "mail.example.org",
          .now = WallTime{1'795'224'230s},
          .zone = 0min,
          .message_id = MessageId{77},
          .arrival = WallTime{1'795'224'220s},
          .envelope_id = "",
          .return_content = ReturnContent::unspecified,
          .message = original,
          .message_is_whole = true,
          .recipients = {failed_recipient("bob@example.net")}};
}

/// A part of a report: its header and its body.
struct Part {
  ContentType type;
  std::string encoding;
  std::string body;
};

std::string value_of(std::string_view message, std::string_view name) {
  HeaderReader reader(message);
  while (const auto field = reader.next()) {
    if (field->is(name)) return unfolded(field->value);
  }
  return "(none)";
}

std::string_view body_of(std::string_view message) {
  HeaderReader reader(message);
  while (reader.next()) {
  }
  return reader.body();
}

std::vector<Part> parts_of(std::string_view report) {
  const auto type = parse_content_type(value_of(report, "Content-Type"));
  EXPECT_TRUE(type && type->is("multipart", "report"));
  EXPECT_EQ(*type->parameter("report-type"), "delivery-status");
  const auto delimiter = "\r\n--" + *type->parameter("boundary");
  auto rest = body_of(report).substr(0);
  rest = report.substr(static_cast<std::size_t>(rest.data() - report.data()) - 2);  // the first delimiter's CRLF
  std::vector<Part> parts;
  while (rest.starts_with(delimiter) && !rest.starts_with(delimiter + "--")) {
    rest.remove_prefix(delimiter.size() + 2);
    const auto end = rest.find(delimiter);
    const auto part = rest.substr(0, end);
    parts.push_back({*parse_content_type(value_of(part, "Content-Type")), value_of(part, "Content-Transfer-Encoding"),
                     std::string(body_of(part))});
    rest.remove_prefix(end);
  }
  EXPECT_EQ(rest, delimiter + "--\r\n");
  return parts;
}

TEST(DeliveryReport, ReadsLikeThis) {
  const auto report = build_delivery_report(usual());
  EXPECT_EQ(report.body, BodyType::seven_bit);
  EXPECT_FALSE(report.smtputf8);
  const auto boundary = *parse_content_type(value_of(report.text, "Content-Type"))->parameter("boundary");
  EXPECT_EQ(report.text,
            "From: Mail Delivery System <MAILER-DAEMON@mail.example.org>\r\n"
            "To: alice@example.org\r\n"
            "Subject: Your message could not be delivered\r\n"
            "Date: Sat, 21 Nov 2026 01:23:50 +0000\r\n"
            "Message-ID: <000000000002E@mail.example.org>\r\n"
            "In-Reply-To: <1@example.org>\r\n"
            "References: <1@example.org>\r\n"
            "Auto-Submitted: auto-replied\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" +
                boundary +
                "\"\r\n"
                "\r\n--" +
                boundary +
                "\r\n"
                "Content-Type: text/plain; charset=us-ascii\r\n"
                "Content-Transfer-Encoding: 7bit\r\n"
                "\r\n"
                "This is a report from the mail server at mail.example.org.\r\n"
                "\r\n"
                "Your message could not be delivered to:\r\n"
                "\r\n"
                "  bob@example.net\r\n"
                "    mx.example.net answered:\r\n"
                "    550-5.1.1 no such 550 5.1.1 user\r\n"
                "\r\n"
                "It will not be tried again. If the address is right, show this report to\r\n"
                "whoever looks after it.\r\n"
                "\r\n"
                "The message was accepted on Sat, 21 Nov 2026 01:23:40 +0000 and has the\r\n"
                "number 000000000002D here.\r\n"
                "\r\n--" +
                boundary +
                "\r\n"
                "Content-Type: message/delivery-status\r\n"
                "Content-Transfer-Encoding: 7bit\r\n"
                "\r\n"
                "Reporting-MTA: dns; mail.example.org\r\n"
                "Arrival-Date: Sat, 21 Nov 2026 01:23:40 +0000\r\n"
                "X-Posthorn-Message: 000000000002D\r\n"
                "\r\n"
                "Final-Recipient: rfc822; bob@example.net\r\n"
                "Action: failed\r\n"
                "Status: 5.1.1\r\n"
                "Remote-MTA: dns; mx.example.net\r\n"
                "Diagnostic-Code: smtp; 550-5.1.1 no such 550 5.1.1 user\r\n"
                "Last-Attempt-Date: Sat, 21 Nov 2026 01:23:45 +0000\r\n"
                "\r\n--" +
                boundary +
                "\r\n"
                "Content-Type: text/rfc822-headers\r\n"
                "Content-Transfer-Encoding: 7bit\r\n"
                "\r\n"
                "From: alice@example.org\r\nMessage-ID:\r\n <1@example.org>\r\nSubject: hello\r\n"
                "\r\n--" +
                boundary + "--\r\n");
}

TEST(DeliveryReport, GroupsHaveWhatTheEnvelopeGave) {
  auto report = usual();
  report.envelope_id = "QQ 314";
  report.recipients.front().original = OriginalRecipient{"rfc822", "Bob+x@example.net"};
  report.recipients.push_back({.recipient = address("carol@example.net"),
                               .original = std::nullopt,
                               .action = DeliveryAction::delayed,
                               .status = EnhancedStatus{4, 2, 0},
                               .reason = "The server asks to come back later.",
                               .remote_host = "",
                               .reply = "",
                               .last_attempt = std::nullopt,
                               .will_retry_until = WallTime{1'795'224'225s}});
  const auto parts = parts_of(build_delivery_report(report).text);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_TRUE(parts[1].body.contains("Original-Envelope-Id: QQ 314\r\nReporting-MTA: "));
  EXPECT_TRUE(parts[1].body.contains("\r\n\r\nOriginal-Recipient: rfc822; Bob+x@example.net\r\nFinal-Recipient: "));
  EXPECT_TRUE(parts[1].body.ends_with(
      "\r\n\r\nFinal-Recipient: rfc822; carol@example.net\r\nAction: delayed\r\nStatus: 4.2.0\r\n"
      "Will-Retry-Until: Sat, 21 Nov 2026 01:23:45 +0000\r\n"));
  EXPECT_LT(parts[0].body.find("bob@example.net"), parts[0].body.find("carol@example.net"));
  EXPECT_TRUE(parts[0].body.contains("The server asks to come back later."));
}

TEST(DeliveryReport, TheSubjectTellsTheGravest) {
  struct Row {
    DeliveryAction action;
    const char* subject;
    const char* word;
  };
  for (const auto& [action, subject, word] : {
           Row{DeliveryAction::failed, "Your message could not be delivered", "Action: failed\r\n"},
           Row{DeliveryAction::delayed, "Your message is delayed", "Action: delayed\r\n"},
           Row{DeliveryAction::delivered, "Your message was delivered", "Action: delivered\r\n"},
           Row{DeliveryAction::relayed, "Your message was passed on", "Action: relayed\r\n"},
           Row{DeliveryAction::expanded, "Your message was passed on", "Action: expanded\r\n"},
       }) {
    auto report = usual();
    report.recipients.front().action = action;
    const auto built = build_delivery_report(report);
    EXPECT_EQ(value_of(built.text, "Subject"), subject);
    EXPECT_TRUE(built.text.contains(word));
  }
  auto mixed = usual();
  mixed.recipients.insert(mixed.recipients.begin(), mixed.recipients.front());
  mixed.recipients.front().action = DeliveryAction::delivered;
  EXPECT_EQ(value_of(build_delivery_report(mixed).text, "Subject"), "Your message could not be delivered");
}

TEST(DeliveryReport, ReturnsTheWholeMessageOnlyWhereItMay) {
  struct Row {
    const char* name;
    std::string message;
    ReturnContent content;
    DeliveryAction action;
    bool whole;
    const char* type;
    const char* encoding;
    const char* subtype;
  };
  const std::string text(original);
  std::string lines = text;
  for (int i = 0; i < 100'000; ++i) lines += "some text\r\n";
  for (const auto& [name, message, content, action, whole, type, encoding, subtype] : {
           Row{"asked for", text, ReturnContent::full, DeliveryAction::failed, true, "message", "7bit", "rfc822"},
           Row{"header asked for", text, ReturnContent::headers, DeliveryAction::failed, true, "text", "7bit",
               "rfc822-headers"},
           Row{"a delay", text, ReturnContent::full, DeliveryAction::delayed, true, "text", "7bit", "rfc822-headers"},
           Row{"not at hand", text, ReturnContent::full, DeliveryAction::failed, false, "text", "7bit",
               "rfc822-headers"},
           Row{"too large", lines, ReturnContent::full, DeliveryAction::failed, true, "text", "7bit", "rfc822-headers"},
           Row{"8-bit body", text + "ü\r\n", ReturnContent::full, DeliveryAction::failed, true, "message", "8bit",
               "rfc822"},
           Row{"8-bit header", "X: ü\r\n\r\nbody\r\n", ReturnContent::full, DeliveryAction::failed, true, "message",
               "quoted-printable", "global"},
           Row{"UTF-8 header only", "X: ü\r\n\r\nbody\r\n", ReturnContent::headers, DeliveryAction::failed, true,
               "message", "quoted-printable", "global-headers"},
           Row{"Latin-1 header", "X: \xfc\r\n\r\nbody\r\n", ReturnContent::full, DeliveryAction::failed, true, "text",
               "quoted-printable", "rfc822-headers"},
           Row{"unclean message", text + "a\nb", ReturnContent::full, DeliveryAction::failed, true, "text", "7bit",
               "rfc822-headers"},
           Row{"unclean header", "X: a\rb\r\n\r\nbody", ReturnContent::headers, DeliveryAction::failed, true, "text",
               "quoted-printable", "rfc822-headers"},
           Row{"overlong line", text + std::string(999, 'x') + "\r\n", ReturnContent::full, DeliveryAction::failed,
               true, "text", "7bit", "rfc822-headers"},
       }) {
    auto report = usual();
    report.message = message;
    report.message_is_whole = whole;
    report.return_content = content;
    report.recipients.front().action = action;
    const auto built = build_delivery_report(report);
    const auto parts = parts_of(built.text);
    ASSERT_EQ(parts.size(), 3U) << name;
    EXPECT_EQ(parts[2].type.type, type) << name;
    EXPECT_EQ(parts[2].type.subtype, subtype) << name;
    EXPECT_EQ(parts[2].encoding, encoding) << name;
    EXPECT_EQ(built.body == BodyType::eight_bit, parts[2].encoding == "8bit") << name;
    EXPECT_EQ(utf8::is_ascii(built.text), built.body == BodyType::seven_bit) << name;
    if (parts[2].type.is("message", "rfc822")) EXPECT_EQ(parts[2].body, message) << name;
  }
}

TEST(DeliveryReport, AUtf8SenderGetsUtf8) {
  auto report = usual();
  report.recipients = {failed_recipient("grüße@bücher.example")};
  report.recipients.front().original = OriginalRecipient{"utf-8", "grüße@bücher.example"};
  auto parts = parts_of(build_delivery_report(report).text);
  EXPECT_TRUE(parts[1].type.is("message", "delivery-status"));
  EXPECT_TRUE(parts[1].body.contains("Final-Recipient: utf-8; gr\\x{FC}\\x{DF}e@xn--bcher-kva.example\r\n"));
  EXPECT_TRUE(parts[1].body.contains("Original-Recipient: utf-8; gr\\x{FC}\\x{DF}e@b\\x{FC}cher.example\r\n"));
  EXPECT_EQ(parts[0].encoding, "quoted-printable");

  report.to = address("älice@example.org");
  const auto built = build_delivery_report(report);
  EXPECT_TRUE(built.smtputf8);
  EXPECT_EQ(built.body, BodyType::eight_bit);
  parts = parts_of(built.text);
  EXPECT_TRUE(parts[1].type.is("message", "global-delivery-status"));
  EXPECT_TRUE(parts[1].body.contains("Final-Recipient: utf-8; grüße@xn--bcher-kva.example\r\n"));
}

TEST(DeliveryReport, NothingFromOutsideBreaksIt) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  auto report = usual();
  auto& recipient = report.recipients.front();
  recipient.reply = recipient.reason = recipient.remote_host = "x\r\n\r\nInjected: yes\r\n--" + all;
  report.message = all;
  const auto built = build_delivery_report(report);
  const auto parts = parts_of(built.text);
  EXPECT_EQ(parts.size(), 3U);
  EXPECT_FALSE(built.text.contains("\r\nInjected"));
  MessageScanner scanner{MessageScanner::Settings{}};
  scanner.feed(built.text);
  scanner.finish();
  EXPECT_EQ(scanner.facts().fault, std::nullopt);
  EXPECT_LE(scanner.facts().longest_line, 1'000U);
}

TEST(DeliveryReport, StaysSmall) {
  auto report = usual();
  std::string message;
  for (int i = 0; i < 10'000; ++i) message += "X-Filler: " + std::string(50, 'x') + "\r\n";
  report.message = message;
  for (int i = 0; i < 49; ++i) report.recipients.push_back(failed_recipient("user@example.net"));
  for (auto& recipient : report.recipients) recipient.reply = "550 " + std::string(10'000, 'x');
  const auto built = build_delivery_report(report);
  EXPECT_LE(built.text.size(), 64U << 10);
  EXPECT_TRUE(built.text.contains("and 30 more\r\n"));
  report.recipients.resize(1, failed_recipient("user@example.net"));
  EXPECT_LE(build_delivery_report(report).text.size(), 32U << 10);
}

TEST(DeliveryReport, ManyRecipientsStaySmallAndEachHasItsGroup) {
  const std::string header = "X: \xfc" + std::string(900, '\xfc') + "\r\n";
  std::string message;
  for (int i = 0; i < 30; ++i) message += header;
  for (const std::size_t count : {51U, 600U}) {
    auto report = usual();
    report.message = message;
    report.recipients.assign(count, failed_recipient("user@example.net"));
    for (auto& recipient : report.recipients) recipient.reply = "550 " + std::string(300, 'x');
    const auto built = build_delivery_report(report);
    EXPECT_LE(built.text.size(), 64U << 10) << count;
    const auto parts = parts_of(built.text);
    std::size_t groups = 0;
    for (auto at = parts[1].body.find("Action: failed\r\nStatus: 5.1.1\r\n"); at != std::string::npos;
         at = parts[1].body.find("Action: failed\r\nStatus: 5.1.1\r\n", at + 1))
      ++groups;
    EXPECT_EQ(groups, count);
  }
}

TEST(DeliveryReport, OnlyACodeMakesItAnAnswer) {
  struct Row {
    const char* host;
    const char* reply;
    const char* told;
    const char* fields;
  };
  for (const auto& [host, reply, told, fields] : {
           Row{"mx.example.net", "550 no", "    mx.example.net answered:\r\n    550 no\r\n",
               "Remote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 550 no\r\n"},
           Row{"mx.example.net", "250", "    mx.example.net answered:\r\n    250\r\n",
               "Remote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 250\r\n"},
           Row{"mx.example.net", "192.0.2.1:25: connect: Connection refused",
               "    Trouble with mx.example.net:\r\n    192.0.2.1:25: connect: Connection refused\r\n",
               "Remote-MTA: dns; mx.example.net\r\nDiagnostic-Code: x-posthorn; 192.0.2.1:25: connect: Connection"},
           Row{"/run/lmtp.sock", "550 5.1.1 no",
               "    the mail program on this machine answered:\r\n    550 5.1.1 no\r\n",
               "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n"},
           Row{"/run/lmtp.sock", "/run/lmtp.sock: connect: No such file or directory",
               "    Trouble with the mail program on this machine:\r\n    connect: No such file or directory\r\n",
               "Status: 5.1.1\r\nDiagnostic-Code: x-posthorn; connect: No such file or directory\r\n"},
           Row{"", "2000 things", "    The trouble was:\r\n",
               "Status: 5.1.1\r\nDiagnostic-Code: x-posthorn; 2000 things\r\n"},
       }) {
    auto report = usual();
    report.recipients.front().remote_host = host;
    report.recipients.front().reply = reply;
    const auto built = build_delivery_report(report);
    const auto parts = parts_of(built.text);
    EXPECT_TRUE(parts[0].body.contains(told)) << parts[0].body;
    EXPECT_TRUE(parts[1].body.contains(fields)) << parts[1].body;
    EXPECT_FALSE(built.text.contains("/run"));
  }
}

TEST(DeliveryReport, TellsWhyTheMessageIsNotReturnedWhole) {
  constexpr std::string_view told = "Only its header is returned: ";
  const auto text_of = [](const DeliveryReport& report) {
    auto text = parts_of(build_delivery_report(report, {.full_octets = 1'024}).text)[0].body;
    std::erase(text, '\r');
    std::ranges::replace(text, '\n', ' ');
    return text;
  };
  auto report = usual();
  const std::string large = std::string(original) + std::string(500, 'x') + "\r\n" + std::string(500, 'x') + "\r\n";
  report.message = large;
  EXPECT_FALSE(text_of(report).contains(told));  // it was not asked for
  report.return_content = ReturnContent::full;
  EXPECT_TRUE(text_of(report).contains("Only its header is returned: it is larger than 1 KiB."));
  report.recipients.front().action = DeliveryAction::delayed;
  EXPECT_FALSE(text_of(report).contains(told));  // RFC 3461 §4.3: of a delay only the header ever is
  report.recipients.front().action = DeliveryAction::failed;
  report.message = report.message.substr(0, 1'024);
  EXPECT_FALSE(text_of(report).contains(told));
  report.message_is_whole = false;
  EXPECT_TRUE(text_of(report).contains("it is larger than 1 KiB."));
  report.message = "";
  EXPECT_TRUE(text_of(report).contains("its text cannot be read any more."));
  report.message_is_whole = true;
  report.message = "Subject: x\r\n\r\na\nb";
  EXPECT_TRUE(text_of(report).contains("it has lines or characters that mail cannot carry."));
}

}  // namespace
}  // namespace posthorn::mail
