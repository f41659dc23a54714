#include "mail/dsn_parameters.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

using namespace std::string_view_literals;

TEST(Xtext, IsReadAndWritten) {
  struct Row {
    std::string_view octets;
    const char* text;
  };
  for (const auto& [octets, text] : {
           Row{"", ""},
           Row{"Bob@example.org", "Bob@example.org"},
           Row{"a+b=c d", "a+2Bb+3Dc+20d"},
           Row{"\0\r\n\x7f\xff"sv, "+00+0D+0A+7F+FF"},
           Row{"~!\"", "~!\""},
       }) {
    EXPECT_EQ(encode_xtext(octets), text);
    EXPECT_EQ(decode_xtext(text), octets);
  }
  EXPECT_EQ(decode_xtext("+2b"), "+") << "lower case is tolerated";
}

TEST(Xtext, OtherTextIsNone) {
  for (const auto text : {"+"sv, "+2"sv, "a+"sv, "+2G"sv, "+-1"sv, "a b"sv, "a=b"sv, "\x7f"sv, "\0"sv, "\xc3\xbc"sv}) {
    EXPECT_FALSE(decode_xtext(text)) << text;
  }
}

TEST(Unitext, IsReadAndWritten) {
  struct Row {
    const char* address;
    const char* ascii;
    const char* utf8;
  };
  for (const auto& [address, ascii, utf8] : {
           Row{"alice@example.org", "alice@example.org", "alice@example.org"},
           Row{"grüße@bücher.example", "gr\\x{FC}\\x{DF}e@b\\x{FC}cher.example", "grüße@bücher.example"},
           Row{"a+b=c d\\e", "a\\x{2B}b\\x{3D}c\\x{20}d\\x{5C}e", "a\\x{2B}b\\x{3D}c\\x{20}d\\x{5C}e"},
           Row{"書📯", "\\x{66F8}\\x{1F4EF}", "書📯"},
           Row{"\u0080\U0010ffff", "\\x{80}\\x{10FFFF}", "\u0080\U0010ffff"},
       }) {
    EXPECT_EQ(encode_unitext(address, UnitextForm::ascii), ascii);
    EXPECT_EQ(encode_unitext(address, UnitextForm::utf8), utf8);
    EXPECT_EQ(decode_unitext(ascii), address);
    EXPECT_EQ(decode_unitext(utf8), address);
  }
}

TEST(Unitext, OtherTextIsNone) {
  for (const auto* text : {"\\", "\\x", "\\x{", "\\x{}", "\\x{5}", "\\x{FC", "\\x{00000FC}", "\\x{D800}", "\\x{110000}",
                           "\\x{zz}", "\\y{FC}", "\\u00fc", "a b", "a+b", "a=b", "\xff", "\x7f"}) {
    EXPECT_FALSE(decode_unitext(text)) << text;
  }
}

TEST(DsnParameters, Notify) {
  EXPECT_EQ(parse_notify("never"), (Notify{.never = true}));
  EXPECT_EQ(parse_notify("SUCCESS,Failure,delay"), (Notify{.success = true, .failure = true, .delay = true}));
  for (const auto* text :
       {"NEVER", "SUCCESS", "FAILURE", "DELAY", "SUCCESS,FAILURE", "FAILURE,DELAY", "SUCCESS,FAILURE,DELAY"}) {
    ASSERT_TRUE(parse_notify(text)) << text;
    EXPECT_EQ(notify_value(*parse_notify(text)), text);
  }
  for (const auto* text :
       {"", ",", "SUCCESS,", ",DELAY", "SUCCESS,,DELAY", "NEVER,DELAY", "DELAY,NEVER", "ALWAYS", "SUCCESS FAILURE"}) {
    EXPECT_FALSE(parse_notify(text)) << text;
  }
}

TEST(DsnParameters, NotifySaysWhatIsWanted) {
  EXPECT_TRUE(Notify{}.wants_failure());
  EXPECT_TRUE(Notify{}.wants_delay());
  EXPECT_FALSE(Notify{}.wants_success());
  EXPECT_FALSE(parse_notify("NEVER")->wants_failure());
  EXPECT_FALSE(parse_notify("FAILURE")->wants_delay());
  EXPECT_FALSE(parse_notify("SUCCESS")->wants_failure());
}

TEST(DsnParameters, ReturnContent) {
  EXPECT_EQ(parse_return_content("full"), ReturnContent::full);
  EXPECT_EQ(parse_return_content("HDRS"), ReturnContent::headers);
  EXPECT_EQ(return_content_value(ReturnContent::headers), "HDRS");
  EXPECT_FALSE(parse_return_content("HEADERS"));
}

TEST(DsnParameters, EnvelopeId) {
  EXPECT_EQ(parse_envelope_id("QQ314159"), "QQ314159");
  EXPECT_EQ(parse_envelope_id("a+20b+3Dc"), "a b=c");
  EXPECT_EQ(envelope_id_value("a b=c"), "a+20b+3Dc");
  EXPECT_TRUE(parse_envelope_id(std::string(100, 'x')));
  for (const auto& text : {std::string(), std::string("+0A"), std::string("+0D+0A"), std::string("+FF"),
                           std::string("+"), std::string(101, 'x')}) {
    EXPECT_FALSE(parse_envelope_id(text)) << text;
  }
}

TEST(DsnParameters, OriginalRecipient) {
  struct Row {
    const char* value;
    OriginalRecipient original;
    const char* ascii;
  };
  for (const auto& [value, original, ascii] : {
           Row{"rfc822;Bob@example.org", {"rfc822", "Bob@example.org"}, "rfc822;Bob@example.org"},
           Row{"RFC822;a+2Bb@example.org", {"rfc822", "a+b@example.org"}, "rfc822;a+2Bb@example.org"},
           Row{"x400;/C+3Dde/+20", {"x400", "/C=de/ "}, "x400;/C+3Dde/+20"},
           Row{"utf-8;grüße@a.example", {"utf-8", "grüße@a.example"}, "utf-8;gr\\x{FC}\\x{DF}e@a.example"},
           Row{"UTF-8;gr\\x{FC}n@a.example", {"utf-8", "grün@a.example"}, "utf-8;gr\\x{FC}n@a.example"},
       }) {
    const auto parsed = parse_original_recipient(value);
    ASSERT_TRUE(parsed) << value;
    EXPECT_EQ(*parsed, original) << value;
    EXPECT_EQ(original_recipient_value(original, UnitextForm::ascii), ascii);
  }
  for (const auto& text :
       {std::string(), std::string("rfc822"), std::string("rfc822;"), std::string(";a"), std::string("rfc 822;a"),
        std::string("rfc822;a+0D+0ABcc:b"), std::string("rfc822;gr+C3+BC"), std::string("rfc822;gr\xc3\xbc"),
        std::string("utf-8;a\\x{0A}b"), std::string("utf-8;\xff"), "rfc822;" + std::string(500, 'a')}) {
    EXPECT_FALSE(parse_original_recipient(text)) << text;
  }
  EXPECT_EQ(original_recipient_of(*Address::parse("a@b.example")), (OriginalRecipient{"rfc822", "a@b.example"}));
  EXPECT_EQ(original_recipient_of(*Address::parse("ü@b.example")), (OriginalRecipient{"utf-8", "ü@b.example"}));
}

}  // namespace
}  // namespace posthorn::mail
