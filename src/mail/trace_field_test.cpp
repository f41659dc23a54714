#include "mail/trace_field.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace posthorn::mail {
namespace {

using namespace std::chrono_literals;

ReceivedFacts usual() {
  return {.helo = "client.example.net",
          .host_name = "Client.example.net.",
          .address = IpAddress::parse("192.0.2.1"),
          .by = "mx.example.org",
          .with = {},
          .tls = "",
          .id = MessageId{77},
          .recipient = std::nullopt,
          .time = WallTime{1'795'224'225s},
          .zone = 0min};
}

TEST(TraceField, ReceivedTellsWhoGaveItToWhomAndWhen) {
  EXPECT_EQ(received_field(usual()),
            "Received: from client.example.net (client.example.net [192.0.2.1])\r\n"
            "\tby mx.example.org with ESMTP id 000000000002D;\r\n"
            "\tSat, 21 Nov 2026 01:23:45 +0000\r\n");
}

TEST(TraceField, ReceivedNamesTheRecipientAndTls) {
  auto facts = usual();
  facts.host_name = "";
  facts.address = IpAddress::parse("2001:db8::1");
  facts.with.tls = true;
  facts.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
  facts.recipient = *Address::parse("\"a b\"@example.org");
  facts.zone = 1h;
  EXPECT_EQ(received_field(facts),
            "Received: from client.example.net ([IPv6:2001:db8::1]) by mx.example.org\r\n"
            "\twith ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id 000000000002D\r\n"
            "\tfor <\"a b\"@example.org>; Sat, 21 Nov 2026 02:23:45 +0100\r\n");
}

TEST(TraceField, ALocalProcessHasNoFromClause) {
  auto facts = usual();
  facts.helo = facts.host_name = "";
  facts.address = std::nullopt;
  facts.with.protocol = TransmissionType::Protocol::smtp;
  EXPECT_EQ(received_field(facts),
            "Received: by mx.example.org with SMTP id 000000000002D;\r\n"
            "\tSat, 21 Nov 2026 01:23:45 +0000\r\n");
}

TEST(TraceField, KeywordsOfRfc3848AndRfc6531) {
  using enum TransmissionType::Protocol;
  struct Row {
    TransmissionType with;
    const char* keyword;
  };
  for (const auto& [with, keyword] : {
           Row{{smtp, false, false, false}, "SMTP"},
           Row{{smtp, true, false, false}, "SMTP"},
           Row{{esmtp, false, false, false}, "ESMTP"},
           Row{{esmtp, true, false, false}, "ESMTPS"},
           Row{{esmtp, false, true, false}, "ESMTPA"},
           Row{{esmtp, true, true, false}, "ESMTPSA"},
           Row{{lmtp, false, false, false}, "LMTP"},
           Row{{lmtp, true, true, false}, "LMTPSA"},
           Row{{esmtp, false, false, true}, "UTF8SMTP"},
           Row{{esmtp, true, true, true}, "UTF8SMTPSA"},
           Row{{lmtp, true, false, true}, "UTF8LMTPS"},
       }) {
    EXPECT_EQ(with.keyword(), keyword);
  }
}

/// Whether the text is header lines of one field: each ends in CRLF, and all but the first start with a blank.
bool is_one_field(std::string_view text) {
  if (!text.ends_with("\r\n")) return false;
  text.remove_suffix(2);
  for (auto at = text.find_first_of("\r\n"); at != std::string_view::npos; at = text.find_first_of("\r\n")) {
    if (!text.substr(at).starts_with("\r\n\t")) return false;
    text.remove_prefix(at + 3);
  }
  return true;
}

TEST(TraceField, NothingTheClientSaysBreaksTheField) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  for (const auto& text : {all, std::string("x\r\nBcc: y"), std::string("a) (b"), std::string("a\\"),
                           std::string(100'000, 'a'), std::string("a ; Sat, 21 Nov 2026")}) {
    auto facts = usual();
    facts.helo = facts.host_name = facts.by = facts.tls = text;
    const auto field = received_field(facts);
    EXPECT_TRUE(is_one_field(field)) << field;
    EXPECT_EQ(std::ranges::count(field, ';'), 1) << field;
    EXPECT_EQ(std::ranges::count(field, '('), 2) << field;
    EXPECT_EQ(std::ranges::count(field, ')'), 2) << field;
    EXPECT_FALSE(field.contains('\\')) << field;
    EXPECT_LT(field.size(), 1'500U);
  }
}

TEST(TraceField, LinesAreShortWhereTheyCanBe) {
  auto facts = usual();
  facts.helo = facts.host_name = facts.by = std::string(60, 'h') + ".example";
  const auto field = received_field(facts);
  for (std::string_view rest = field; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
    EXPECT_LE(rest.find('\r'), 78U + 10U) << field;
  }
}

TEST(TraceField, FinalDelivery) {
  EXPECT_EQ(return_path_field(std::nullopt), "Return-Path: <>\r\n");
  EXPECT_EQ(return_path_field(*Address::parse("\"a b\"@example.org")), "Return-Path: <\"a b\"@example.org>\r\n");
  EXPECT_EQ(delivered_to_field(*Address::parse("alice@EXAMPLE.org")), "Delivered-To: alice@example.org\r\n");
}

}  // namespace
}  // namespace posthorn::mail
