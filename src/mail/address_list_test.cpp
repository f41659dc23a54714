#include "mail/address_list.hpp"

#include <gtest/gtest.h>

namespace posthorn::mail {
namespace {

/// "display name|address" for each mailbox, one a line; "?" before what is no address.
std::string shown(const AddressList& list) {
  std::string text;
  for (const auto& mailbox : list.mailboxes) {
    text += mailbox.display_name + '|' + (mailbox.address ? mailbox.address->to_string() : '?' + mailbox.text) + '\n';
  }
  return text;
}

struct Row {
  const char* value;
  const char* mailboxes;
};

TEST(AddressList, WhatIsByTheGrammarIsRead) {
  for (const auto& [value, mailboxes] : {
           Row{" a@b.example", "|a@b.example\n"},
           Row{"a@b.example, c@d.example", "|a@b.example\n|c@d.example\n"},
           Row{"Alice <a@b.example>", "Alice|a@b.example\n"},
           Row{"\"Doe, Jane\" <j@b.example>,x@y.example", "Doe, Jane|j@b.example\n|x@y.example\n"},
           Row{"\"x@y.example\" <a@b.example>", "x@y.example|a@b.example\n"},
           Row{"=?utf-8?Q?Gr=C3=BC=C3=9Fe?= <a@b.example>", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=|a@b.example\n"},
           Row{"Grüße <ü@b.example>", "Grüße|ü@b.example\n"},
           Row{"<a@b.example>", "|a@b.example\n"},
           Row{"\"a b\"@c.example", "|\"a b\"@c.example\n"},
           Row{"a@[192.0.2.1]", "|a@[192.0.2.1]\n"},
           // RFC 5322 appendix A.1.2
           Row{"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
               "Mary Smith|mary@x.test\n|jdoe@example.org\nWho?|one@y.test\n"},
           Row{"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
               "|boss@nil.test\nGiant; \"Big\" Box|sysservices@example.net\n"},
           // RFC 5322 appendix A.1.3
           Row{"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
               "Ed Jones|c@a.test\n|joe@where.test\nJohn|jdoe@one.test\n"},
           Row{"Undisclosed recipients:;", ""},
           Row{"a@b.example, g: c@d.example;, e@f.example", "|a@b.example\n|c@d.example\n|e@f.example\n"},
           // RFC 5322 appendix A.5
           Row{"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete@silly.test\n"},
           Row{"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n     "
               "joe@example.org,\r\n"
               "  John <jdoe@one.test> (my dear friend); (the end of the group)",
               "Chris Jones|c@public.example\n|joe@example.org\nJohn|jdoe@one.test\n"},
           Row{"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", ""},
           // RFC 5322 appendix A.6
           Row{"Joe Q. Public <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com\n"},
           Row{"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
               "Mary Smith|mary@example.net\n|jdoe@test.example\n"},
           Row{"<@a.example,@b.example:c@d.example>", "|c@d.example\n"},
           Row{"a . \"b c\" . d @ e . example", "|\"a.b c.d\"@e.example\n"},
           Row{",, a@b.example,,", "|a@b.example\n"},
           Row{"", ""},
       }) {
    const auto list = parse_address_list(value);
    EXPECT_EQ(shown(list), mailboxes) << value;
    EXPECT_TRUE(list.well_formed) << value;
  }
  EXPECT_EQ(parse_address_list("a:;, b:c@d.example;").groups, 2U);
}

TEST(AddressList, WhatIsNotIsReadAsFarAsItGoes) {
  for (const auto& [value, mailboxes] : {
           Row{"alice", "|?alice\n"},
           Row{"alice, bob@b.example", "|?alice\n|bob@b.example\n"},
           Row{"Alice <alice>", "Alice|?alice\n"},
           Row{"a b@c.example", "|?ab@c.example\n"},
           Row{"a..b@c.example", "|?a..b@c.example\n"},
           Row{".a@c.example", "|?.a@c.example\n"},
           Row{"a@b@c.example", "|a@b\n|?c.example\n"},
           Row{"a@b.example c@d.example", "|a@b.example\n|c@d.example\n"},
           Row{"a@b.example <c@d.example>", "|a@b.example\n|c@d.example\n"},
           Row{"Alice <a@b.example", "Alice|a@b.example\n"},
           Row{"Alice <a@b.example, c@d.example", "Alice|a@b.example\n|c@d.example\n"},
           Row{"<a@b.example> c>", "|a@b.example\n|?c\n"},
           Row{"<>", "|?\n"},
           Row{"a@", "|?a@\n"},
           Row{"@b.example", "|?@b.example\n"},
           Row{"a@b.example;", "|a@b.example\n"},
           Row{"g: a@b.example", "|a@b.example\n"},
           Row{"g: h: a@b.example;;", "|a@b.example\n"},
           Row{": a@b.example;", "|a@b.example\n"},
           Row{"g:; a@b.example", "|a@b.example\n"},
           Row{"\"open <a@b.example>", "|?\n"},
           Row{"a@b.example (open", "|a@b.example\n"},
           Row{"a@[192.0.2.1", "|?a@[192.0.2.1\n"},
           Row{"<@a.example>", "|?\n"},
           Row{"<@a)b.example:c@d.example>", "|?\n"},
           Row{"<@a..b:c@d.example>", "|c@d.example\n"},
           Row{"<@a.example@b.example:c@d.example>", "|?@b.example\n"},
           Row{"a@.b.example", "|?a@.b.example\n"},
           Row{"a@b.example.", "|a@b.example\n"},
           Row{"a@b..example", "|?a@b..example\n"},
           Row{")(a@b.example", ""},
           Row{"a@b.example\\", "|a@b.example\n"},
       }) {
    const auto list = parse_address_list(value);
    EXPECT_EQ(shown(list), mailboxes) << value;
    EXPECT_FALSE(list.well_formed) << value;
  }
}

TEST(AddressList, StopsAtItsBound) {
  const auto list = parse_address_list("a@b.example,c@d.example,e@f.example", 2);
  EXPECT_EQ(list.mailboxes.size(), 2U);
  EXPECT_FALSE(list.well_formed);
}

TEST(AddressList, CostsNoMoreThanItsLength) {
  for (const auto* piece : {"(", "<", "\"", "a@", ":", "((a)", "\\", "a.", "<a:", "@", "[", "(\\"}) {
    std::string value;
    while (value.size() < (256U << 10)) value += piece;
    EXPECT_FALSE(parse_address_list(value, 100'000).well_formed) << piece;
  }
}

}  // namespace
}  // namespace posthorn::mail
