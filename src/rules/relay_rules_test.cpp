#include "rules/relay_rules.hpp"

#include "rules/sender_rules.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace posthorn::rules {
namespace {

std::string answer(const std::optional<smtp::Reply>& refusal) {
  return refusal ? refusal->to_string().substr(0, 9) : "yes";
}

TEST(RelayRules, are_a_matter_of_role_and_user_alone) {
  using enum ListenerRole;
  struct Row {
    RelayQuestion question;
    std::string answer;
  };
  const std::array<Row, 12> rows{{
      {{mx, false, true}, "yes"},
      {{mx, false, false}, "550 5.7.1"},
      {{mx, true, true}, "yes"},
      {{mx, true, false}, "550 5.7.1"},
      {{relay, false, true}, "yes"},
      {{relay, false, false}, "yes"},
      {{relay, true, true}, "yes"},
      {{relay, true, false}, "yes"},
      {{submission, false, true}, "530 5.7.0"},
      {{submission, false, false}, "530 5.7.0"},
      {{submission, true, true}, "yes"},
      {{submission, true, false}, "yes"},
  }};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(answer(relay_refusal(rows.at(i).question)), rows.at(i).answer) << "row " << i;
  }
}

TEST(SenderRules, let_users_name_addresses_whose_mail_they_receive) {
  Directory::Parts parts;
  parts.domains = {"example.org", "example.net"};
  for (const auto* user : {"alice", "bob", "erin@example.net"}) {
    parts.users.push_back(mail::UserName::parse(user).value());
  }
  parts.aliases["info"].targets = {LocalTarget{"alice"}, LocalTarget{"bob"}};
  parts.aliases["away"].targets = {mail::Address::parse("alice@elsewhere.example").value()};
  const Directory directory(parts);
  struct Row {
    SenderCheck check;
    std::string user;
    std::string sender;  // empty: the null reverse-path
    std::string answer;
  };
  const std::array<Row, 15> rows{{
      {SenderCheck::own, "alice", "alice@example.org", "yes"},
      {SenderCheck::own, "alice", "ALICE@example.net", "yes"},
      {SenderCheck::own, "alice", "alice+list@example.org", "yes"},
      {SenderCheck::own, "alice", "info@example.org", "yes"},
      {SenderCheck::own, "alice", "", "yes"},
      {SenderCheck::own, "alice", "bob@example.org", "553 5.7.1"},
      {SenderCheck::own, "alice", "nobody@example.org", "553 5.7.1"},
      {SenderCheck::own, "alice", "away@example.org", "553 5.7.1"},
      {SenderCheck::own, "alice", "alice@elsewhere.example", "553 5.7.1"},
      {SenderCheck::own, "erin@example.net", "erin@example.net", "yes"},
      {SenderCheck::own, "erin@example.net", "erin@example.org", "553 5.7.1"},
      {SenderCheck::local, "alice", "bob@example.org", "yes"},
      {SenderCheck::local, "alice", "nobody@example.net", "yes"},
      {SenderCheck::local, "alice", "alice@elsewhere.example", "553 5.7.1"},
      {SenderCheck::off, "alice", "alice@elsewhere.example", "yes"},
  }};
  for (const auto& row : rows) {
    const auto user = mail::UserName::parse(row.user).value();
    const auto sender = row.sender.empty() ? std::nullopt : std::optional{mail::Address::parse(row.sender).value()};
    EXPECT_EQ(answer(sender_refusal(row.check, user, sender, directory)), row.answer) << row.user << " " << row.sender;
  }
}

}  // namespace
}  // namespace posthorn::rules
