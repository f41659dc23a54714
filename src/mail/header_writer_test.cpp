#include "mail/header_writer.hpp"

#include "base/utf8.hpp"
#include "mail/address_list.hpp"
#include "mail/header_field.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace posthorn::mail {
namespace {

std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  while (!text.empty()) {
    const auto line_end = text.find("\r\n");
    longest = std::max(longest, std::min(line_end, text.size()));
    text.remove_prefix(line_end == std::string_view::npos ? text.size() : line_end + 2);
  }
  return longest;
}

std::size_t field_count(const std::string& text) {
  HeaderReader reader(text);
  std::size_t fields = 0;
  while (const auto field = reader.next()) fields += field->name.empty() ? 100 : 1;
  return fields;
}

TEST(HeaderWriter, UnstructuredText) {
  struct Row {
    std::string text;
    std::string field;
  };
  for (const auto& [text, field] : {
           Row{"Hello, world", "Subject: Hello, world\r\n"},
           Row{"", "Subject:\r\n"},
           Row{"two  blanks ", "Subject: two  blanks\r\n"},
           Row{"Grüße", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"},
           Row{"Keld Jørn Simonsen", "Subject: =?utf-8?Q?Keld_J=C3=B8rn_Simonsen?=\r\n"},
           Row{"例えば", "Subject: =?utf-8?B?5L6L44GI44Gw?=\r\n"},
           Row{"=?utf-8?Q?fake?=", "Subject: =?utf-8?Q?=3D=3Futf-8=3FQ=3Ffake=3F=3D?=\r\n"},
           Row{"a\r\nBcc: eve@example.org", "Subject: a  Bcc: eve@example.org\r\n"},
           Row{std::string("n\0l\x1b", 4), "Subject: n l\r\n"},
           Row{"\xff", "Subject: =?utf-8?B?77+9?=\r\n"},
           Row{"one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
               "Subject: one two three four five six seven eight nine ten eleven twelve\r\n thirteen fourteen\r\n"},
       }) {
    EXPECT_EQ(unstructured_field("Subject", text), field);
  }
}

TEST(HeaderWriter, LongTextIsFoldedBetweenCodePoints) {
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "ü";
  std::string horns;
  for (int i = 0; i < 300; ++i) horns += "a📯";
  for (const auto& text : {umlauts, horns, std::string(2'000, 'x'), "Grüße " + std::string(500, 'y')}) {
    const auto field = unstructured_field("Subject", text);
    EXPECT_LE(longest_line(field), 76U);
    EXPECT_EQ(field_count(field), 1U);
    EXPECT_TRUE(utf8::is_ascii(field));
  }
}

TEST(HeaderWriter, MailboxesAreReadBack) {
  const auto address = [](std::string_view text) { return *Address::parse(text); };
  const std::vector<NamedAddress> mailboxes{{"", address("plain@example.org")},
                                            {"Alice", address("alice@example.org")},
                                            {"Doe, \"Jane\"", address("\"a b\"@example.org")},
                                            {"Joe Q. Public", address("joe@example.org")},
                                            {"two  blanks", address("b@example.org")},
                                            {"a\r\nTo: b", address("c@example.org")},
                                            {"", address("grüße@bücher.example")}};
  const auto field = mailbox_list_field("To", mailboxes);
  EXPECT_EQ(field,
            "To: plain@example.org, Alice <alice@example.org>, \"Doe, \\\"Jane\\\"\"\r\n"
            " <\"a b\"@example.org>, \"Joe Q. Public\" <joe@example.org>, \"two  blanks\"\r\n"
            " <b@example.org>, \"a  To: b\" <c@example.org>, grüße@xn--bcher-kva.example\r\n");
  EXPECT_EQ(field_count(field), 1U);
  HeaderReader reader(field);
  const auto list = parse_address_list(reader.next()->value);
  ASSERT_TRUE(list.well_formed);
  ASSERT_EQ(list.mailboxes.size(), mailboxes.size());
  for (std::size_t i = 0; i < mailboxes.size(); ++i) EXPECT_EQ(list.mailboxes[i].address, mailboxes[i].address);
}

TEST(HeaderWriter, NamesThatAreNotAsciiAreEncoded) {
  const std::vector<NamedAddress> mailboxes{{"Grüße", *Address::parse("a@example.org")}};
  EXPECT_EQ(mailbox_list_field("From", mailboxes), "From: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= <a@example.org>\r\n");
}

}  // namespace
}  // namespace posthorn::mail
