#include "rules/submission_rules.hpp"

#include "rules/sender_rules.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::rules {
namespace {

Directory make_directory() {
  Directory::Parts parts{.domains = {"example.org", "example.net"}};
  for (const auto* name : {"alice", "bob", "carol@example.net"}) parts.users.push_back(*mail::UserName::parse(name));
  parts.aliases["info"] = Alias{.targets = {LocalTarget{"alice"}, LocalTarget{"bob"}}};
  parts.aliases["sales"] = Alias{.targets = {LocalTarget{"bob"}}};
  return Directory(std::move(parts));
}

int code_for(SenderCheck check, std::string_view user, std::string_view text) {
  const auto directory = make_directory();
  mail::SubmissionHeader header;
  static_cast<void>(header.feed(text));
  mail::MessageScanner scanner({});
  scanner.feed(text);
  scanner.finish();
  const auto refusal = author_refusal(check, *mail::UserName::parse(user), header, scanner.facts(), directory);
  return refusal ? static_cast<int>(refusal->code()) : 250;
}

struct Row {
  const char* name;
  const char* user;
  const char* header;
  int own;
  int local;
  int off;
};

constexpr Row rows[] = {
    {"own address", "alice", "From: alice@example.org\r\n", 250, 250, 250},
    {"own, another domain of ours", "alice", "From: Alice <ALICE@example.net>\r\n", 250, 250, 250},
    {"own with a tag", "alice", "From: alice+news@example.org\r\n", 250, 250, 250},
    {"an alias that leads there", "alice", "From: info@example.org\r\n", 250, 250, 250},
    {"an alias that leads elsewhere", "alice", "From: sales@example.org\r\n", 550, 250, 250},
    {"another user's", "alice", "From: bob@example.org\r\n", 550, 250, 250},
    {"bound to one domain", "carol@example.net", "From: carol@example.net\r\n", 250, 250, 250},
    {"bound to one domain, not the other", "carol@example.net", "From: carol@example.org\r\n", 550, 250, 250},
    {"a stranger's", "alice", "From: ceo@bank.example\r\n", 550, 550, 250},
    {"own and another's", "alice", "From: alice@example.org, ceo@bank.example\r\n", 550, 550, 250},
    {"two From fields", "alice", "From: alice@example.org\r\nFrom: alice@example.org\r\n", 550, 550, 550},
    {"a blank before the colon", "alice", "From : ceo@bank.example\r\n", 550, 550, 250},
    {"two, one with a blank", "alice", "From: alice@example.org\r\nFrom\t: ceo@bank.example\r\n", 550, 550, 550},
    {"folded", "alice", "From:\r\n Alice\r\n <alice@example.org>\r\n", 250, 250, 250},
    {"hidden in a comment", "alice", "From: ceo@bank.example (alice@example.org)\r\n", 550, 550, 250},
    {"name that looks like another", "alice", "From: \"ceo@bank.example\" <alice@example.org>\r\n", 250, 250, 250},
    {"cannot be read", "alice", "From: alice@example.org ceo@bank.example\r\n", 550, 550, 550},
    {"no address", "alice", "From: \r\n", 550, 550, 250},
    {"an empty group", "alice", "From: nobody:;\r\n", 550, 550, 250},
    {"no From", "alice", "Subject: hello\r\n", 250, 250, 250},
    {"an address literal of ours", "alice", "From: alice@[127.0.0.1]\r\n", 250, 250, 250},
    {"known to PAM only", "pam", "From: pam@example.org\r\n", 250, 250, 250},
    {"known to PAM only, not the others", "pam", "From: nobody@example.org\r\n", 550, 250, 250},
};

TEST(AuthorRefusal, FollowsTheCheck) {
  for (const auto& row : rows) {
    const std::string text = std::string(row.header) + "\r\nbody\r\n";
    EXPECT_EQ(code_for(SenderCheck::own, row.user, text), row.own) << row.name;
    EXPECT_EQ(code_for(SenderCheck::local, row.user, text), row.local) << row.name;
    EXPECT_EQ(code_for(SenderCheck::off, row.user, text), row.off) << row.name;
  }
}

TEST(AuthorRefusal, AFieldThatWeAndTheScannerSeeDifferentlyIsRefused) {
  const auto text = "From" + std::string(2'000, ' ') + ": ceo@bank.example\r\n\r\n";
  EXPECT_EQ(code_for(SenderCheck::own, "alice", text), 550);
}

TEST(MissingFields, AddsWhatIsNotThere) {
  mail::MessageFacts facts;
  const WallTime now{std::chrono::seconds{1'795'225'425}};
  const auto both = missing_fields(facts, now, MessageId{}, "mx.example.org");
  EXPECT_EQ(both, "Date: Sat, 21 Nov 2026 01:43:45 +0000\r\nMessage-ID: <" + MessageId{}.to_string() +
                      "@mx.example.org>\r\n");
  facts.date_fields = 1;
  EXPECT_TRUE(missing_fields(facts, now, MessageId{}, "mx.example.org").starts_with("Message-ID:"));
  facts.message_id_fields = 1;
  EXPECT_EQ(missing_fields(facts, now, MessageId{}, "mx.example.org"), "");
}

TEST(UserOfLogin, TakesTheNameWithOrWithoutOneOfOurDomains) {
  const auto directory = make_directory();
  const auto text = [&](std::string_view login) {
    const auto user = user_of_login(login, directory);
    return user ? user->text() : std::string("none");
  };
  EXPECT_EQ(text("alice"), "alice");
  EXPECT_EQ(text("Alice"), "alice");
  EXPECT_EQ(text("alice@example.org"), "alice");
  EXPECT_EQ(text("carol@example.net"), "carol@example.net");
  EXPECT_EQ(text("carol@example.org"), "carol");
  EXPECT_EQ(text("pam"), "pam");
  EXPECT_EQ(text("alice@bank.example"), "alice@bank.example");
  EXPECT_EQ(text("a b"), "none");
}

}  // namespace
}  // namespace posthorn::rules
