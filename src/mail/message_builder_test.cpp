#include "mail/message_builder.hpp"

#include "base/utf8.hpp"
#include "mail/line_ends.hpp"
#include "mail/message_scanner.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

NamedAddress mailbox(std::string_view address, std::string name = "") {
  return {.display_name = std::move(name), .address = *Address::parse(address)};
}

NewMessage usual() {
  return {.from = mailbox("alice@example.org", "Alice"),
          .to = {mailbox("bob@example.net")},
          .cc = {},
          .subject = "Hello",
          .message_id = "unique@host.example",
          .date = WallTime{1'795'224'225s},
          .zone = 60min,
          .text = "hello\nworld",
          .attachments = {},
          .may_be_8bit = false};
}

constexpr std::string_view usual_fields =
    "Date: Sat, 21 Nov 2026 02:23:45 +0100\r\nFrom: Alice <alice@example.org>\r\nTo: bob@example.net\r\n"
    "Subject: Hello\r\nMessage-ID: <unique@host.example>\r\nMIME-Version: 1.0\r\n";

TEST(MessageBuilder, PlainText) {
  const auto built = build_message(usual());
  EXPECT_EQ(built.text, std::string(usual_fields) +
                            "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
                            "hello\r\nworld\r\n");
  EXPECT_EQ(built.body, BodyType::seven_bit);
  EXPECT_FALSE(built.smtputf8);
}

TEST(MessageBuilder, TextIsEncodedAsItNeeds) {
  struct Row {
    const char* name;
    std::string text;
    bool may_be_8bit;
    const char* type;
    const char* encoding;
    std::string body;
  };
  for (const auto& [name, text, may_be_8bit, type, encoding, body] : {
           Row{"UTF-8", "Grüße, ihr alle!", false, "text/plain; charset=utf-8", "quoted-printable",
               "Gr=C3=BC=C3=9Fe, ihr alle!\r\n"},
           Row{"UTF-8 to 8BITMIME", "Grüße", true, "text/plain; charset=utf-8", "8bit", "Grüße\r\n"},
           Row{"mostly not ASCII", "例えば", false, "text/plain; charset=utf-8", "base64", "5L6L44GI44GwDQo=\r\n"},
           Row{"no charset", "caf\xe9, with much more text", false, "text/plain; charset=unknown-8bit",
               "quoted-printable", "caf=E9, with much more text\r\n"},
           Row{"a long line to 8BITMIME", "\xc3\xbc" + std::string(998, 'x'), true, "text/plain; charset=utf-8",
               "quoted-printable",
               "=C3=BC" + std::string(69, 'x') + "=\r\n" +
                   [] {
                     std::string lines;
                     for (int i = 0; i < 12; ++i) lines += std::string(75, 'x') + "=\r\n";
                     return lines + std::string(29, 'x') + "\r\n";
                   }()},
           Row{"not text",
               std::string("\x7f"
                           "ELF\0",
                           5),
               true, "application/octet-stream", "base64", "f0VMRgA=\r\n"},
           Row{"empty", "", false, "text/plain; charset=us-ascii", "7bit", ""},
           Row{"lone dot", ".\n", false, "text/plain; charset=us-ascii", "7bit", ".\r\n"},
       }) {
    auto message = usual();
    message.text = text;
    message.may_be_8bit = may_be_8bit;
    const auto built = build_message(message);
    EXPECT_EQ(built.text, std::string(usual_fields) + "Content-Type: " + type +
                              "\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + body)
        << name;
    EXPECT_EQ(built.body == BodyType::eight_bit, encoding == "8bit"sv) << name;
  }
}

TEST(MessageBuilder, AttachmentsFollowTheText) {
  auto message = usual();
  message.attachments = {{.name = "photo.png", .content_type = "image/png", .octets = "\xff\xfe"},
                         {.name = "Grüße \"1\".txt", .content_type = "bad\r\nX: y", .octets = "x"},
                         {.name = "a.eml", .content_type = "message/rfc822", .octets = "x"}};
  const auto built = build_message(message);
  EXPECT_TRUE(built.text.contains("Content-Type: multipart/mixed;\r\n boundary=\"=_posthorn_"));
  EXPECT_TRUE(built.text.contains("\r\nContent-Type: text/plain; charset=us-ascii\r\n"));
  EXPECT_TRUE(
      built.text.contains("\r\nContent-Type: image/png\r\nContent-Disposition: attachment;\r\n"
                          " filename=\"photo.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n//4=\r\n\r\n--"));
  EXPECT_TRUE(
      built.text.contains("\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment;\r\n"
                          " filename*=utf-8''Gr%C3%BC%C3%9Fe%20%221%22.txt\r\n"));
  EXPECT_TRUE(
      built.text.contains("\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment;\r\n"
                          " filename=\"a.eml\"\r\n"));
  EXPECT_TRUE(built.text.ends_with("--\r\n"));
}

TEST(MessageBuilder, NothingGivenBreaksTheMessage) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  auto message = usual();
  message.from.display_name = message.to.front().display_name = message.subject = message.text =
      "\r\n\r\nBcc: eve@example.org\r\n" + all;
  message.attachments = {{.name = message.text, .content_type = message.text, .octets = message.text}};
  const auto built = build_message(message);
  MessageScanner scanner{MessageScanner::Settings{}};
  scanner.feed(built.text);
  scanner.finish();
  const auto& facts = scanner.facts();
  EXPECT_EQ(facts.fault, std::nullopt);
  EXPECT_EQ(facts.header_fields, 7U);
  EXPECT_EQ(facts.malformed_header_lines, 0U);
  EXPECT_EQ(facts.from_fields, 1U);
  EXPECT_EQ(facts.bcc_fields, 0U);
  EXPECT_LE(facts.longest_line, 1'000U);
  EXPECT_TRUE(utf8::is_ascii(built.text));
}

TEST(MessageBuilder, SaysWhatItNeedsOfTheServer) {
  auto message = usual();
  message.cc = {mailbox("grüße@example.org")};
  EXPECT_TRUE(build_message(message).smtputf8);
}

TEST(LineEnds, BecomeCrlf) {
  for (const auto& [text, clean] : {
           std::pair{"", ""},
           std::pair{"a", "a\r\n"},
           std::pair{"a\nb\n", "a\r\nb\r\n"},
           std::pair{"a\r\nb\r\n", "a\r\nb\r\n"},
           std::pair{"a\rb\r", "a\r\nb\r\n"},
           std::pair{"a\n\r\n\n\rb", "a\r\n\r\n\r\n\r\nb\r\n"},
           std::pair{"\r\r\n", "\r\n\r\n"},
       }) {
    EXPECT_EQ(with_crlf(text), clean);
    EXPECT_FALSE(has_bare_line_end(clean));
  }
  for (const auto* text : {"\r", "\n", "a\r\n\n", "a\r\r\n", "\n\r", "a\r"})
    EXPECT_TRUE(has_bare_line_end(text)) << text;
}

TEST(LineEnds, LongLinesAreFound) {
  const std::string full(max_line_octets, 'x');
  EXPECT_FALSE(has_long_line(full + "\r\n" + full));
  EXPECT_TRUE(has_long_line(full + "\r\n" + full + "y"));
  EXPECT_TRUE(has_long_line(full + "y\r\n" + full));
}

}  // namespace
}  // namespace posthorn::mail
