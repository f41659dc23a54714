#include "rules/recipient_router.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <string>
#include <utility>

namespace posthorn::rules {
namespace {

using ::testing::HasSubstr;

mail::Address address(std::string_view text) { return mail::Address::parse(text).value(); }

/// As aliases(5) would write them: "name", "\\name", "name@domain".
std::vector<AliasTarget> targets(std::initializer_list<std::string_view> words) {
  std::vector<AliasTarget> list;
  for (const auto word : words) {
    if (word.contains('@')) {
      list.emplace_back(address(word));
    } else if (word.starts_with('\\')) {
      list.emplace_back(LocalTarget{std::string(word.substr(1)), true});
    } else {
      list.emplace_back(LocalTarget{std::string(word), false});
    }
  }
  return list;
}

Directory::Parts parts() {
  Directory::Parts parts;
  parts.domains = {"example.org", "example.net", "xn--bcher-kva.example"};
  parts.own_addresses = {*IpAddress::parse("192.0.2.1")};
  for (const auto* user : {"alice", "bob", "käthe", "dora+x", "erin@example.net", "bob@example.net"}) {
    parts.users.push_back(mail::UserName::parse(user).value());
  }
  parts.aliases["info"].targets = targets({"alice"});
  parts.aliases["staff"].targets = targets({"alice", "bob", "friends", "alice@example.net"});
  parts.aliases["friends"].targets = targets({"zoe@elsewhere.example", "bob", "Zoe@elsewhere.example"});
  parts.aliases["bob"].targets = targets({"bob", "bob@elsewhere.example"});
  parts.aliases["final"].targets = targets({"\\bob"});
  parts.aliases["circle"].targets = targets({"square"});
  parts.aliases["square"].targets = targets({"circle"});
  parts.aliases["half"].targets = targets({"nobody-here", "alice"});
  parts.aliases["wrong"].targets = targets({"nobody-here"});
  parts.aliases["empty"].targets = {};
  parts.aliases["sales@example.net"].targets = targets({"erin"});
  parts.aliases["@xn--bcher-kva.example"].targets = targets({"alice+books@example.org"});
  return parts;
}

std::string text_of(const Destination& destination) {
  if (const auto* remote = std::get_if<RemoteDestination>(&destination)) return remote->address.to_string();
  const auto& mailbox = std::get<MailboxDestination>(destination);
  return mailbox.user.text() + (mailbox.tag.empty() ? "" : "/" + mailbox.tag) + " as " + mailbox.address.to_string();
}

std::string text_of(const Resolution& resolution) {
  if (std::holds_alternative<UnknownUser>(resolution)) return "unknown";
  if (const auto* broken = std::get_if<BrokenAlias>(&resolution)) return "broken: " + broken->why;
  const auto& routed = std::get<Routed>(resolution);
  std::string text;
  for (const auto& destination : routed.destinations) text += (text.empty() ? "" : ", ") + text_of(destination);
  for (const auto& fault : routed.faults) text += " [" + fault + "]";
  return text;
}

struct Row {
  std::string_view name;
  std::string_view recipient;
  std::string_view outcome;  // begins with
};

class Routing : public ::testing::TestWithParam<Row> {};

TEST_P(Routing, leads_where_it_should) {
  const Directory directory(parts());
  EXPECT_THAT(text_of(resolve(address(GetParam().recipient), directory)), ::testing::StartsWith(GetParam().outcome));
}

constexpr std::array rows{
    Row{"user", "alice@example.org", "alice as alice@example.org"},
    Row{"user_in_another_domain", "alice@example.net", "alice as alice@example.net"},
    Row{"user_in_capitals", "Alice@EXAMPLE.org", "alice as Alice@example.org"},
    Row{"user_in_quotes", "\"alice\"@example.org", "alice as alice@example.org"},
    Row{"user_beyond_ascii", "Ka\u0308the@example.org", "käthe as"},
    Row{"user_with_tag", "alice+shop@example.org", "alice/shop as alice+shop@example.org"},
    Row{"user_with_tags", "alice+a+b@example.org", "alice/a+b as"},
    Row{"user_with_empty_tag", "alice+@example.org", "alice as alice+@example.org"},
    Row{"user_with_separator_in_name", "dora+x@example.org", "dora+x as"},
    Row{"tag_without_user", "+shop@example.org", "unknown"},
    Row{"user_at_own_literal", "alice@[192.0.2.1]", "alice as alice@[192.0.2.1]"},
    Row{"user_at_loopback_literal", "alice@[127.0.0.1]", "alice as"},
    Row{"user_at_loopback_literal_v6", "alice@[IPv6:::1]", "alice as"},
    Row{"user_at_foreign_literal", "alice@[192.0.2.2]", "alice@[192.0.2.2]"},
    Row{"user_of_one_domain", "erin@example.net", "erin@example.net as erin@example.net"},
    Row{"user_of_one_domain_in_another", "erin@example.org", "unknown"},
    Row{"user_of_one_domain_before_the_general_one", "\"bob\"@example.net", "bob@example.net as"},
    Row{"domain_in_quotes_is_no_user_of_it", "\"erin@example.net\"@example.org", "unknown"},
    Row{"domain_in_quotes_is_no_alias_of_it", "\"sales@example.net\"@example.org", "unknown"},
    Row{"percent_hack", "zoe%elsewhere.example@example.org", "unknown"},
    Row{"bang_path", "elsewhere.example!zoe@example.org", "unknown"},
    Row{"path_as_name", "\"../alice\"@example.org", "unknown"},
    Row{"unknown", "nobody@example.org", "unknown"},
    Row{"remote", "zoe@elsewhere.example", "zoe@elsewhere.example"},
    Row{"below_our_domain", "alice@sub.example.org", "alice@sub.example.org"},
    Row{"u_label", "nobody@bücher.example", "alice/books as alice+books@example.org"},
    Row{"alias", "info@example.org", "alice as alice@example.org"},
    Row{"alias_in_capitals", "INFO@example.net", "alice as alice@example.net"},
    Row{"alias_with_tag", "info+x@example.org", "alice as"},
    Row{"alias_of_one_address", "sales@example.net", "erin@example.net as"},
    Row{"alias_of_one_address_in_another_domain", "sales@example.org", "unknown"},
    Row{"list_in_list_without_repetition", "staff@example.org",
        "alice as alice@example.org, bob as bob@example.org, bob@elsewhere.example, zoe@elsewhere.example, "
        "Zoe@elsewhere.example"},
    Row{"self_and_copy", "bob@example.org", "bob as bob@example.org, bob@elsewhere.example"},
    Row{"final_name", "final@example.org", "bob as bob@example.org"},
    Row{"circle", "circle@example.org",
        "broken: circle@example.org: it leads back to itself, and no user has that name"},
    Row{"half_wrong", "half@example.org", "alice as alice@example.org [nobody-here@example.org: there is nobody"},
    Row{"wrong", "wrong@example.org", "broken: nobody-here@example.org: there is nobody"},
    Row{"empty", "empty@example.org", "broken: it has no target"},
    Row{"catch_all_leaves_users_alone", "bob@xn--bcher-kva.example", "bob as"},
    Row{"postmaster", "postmaster@example.org", "alice as postmaster@example.org"},
    Row{"postmaster_in_capitals", "PostMaster@example.net", "alice as"},
    Row{"postmaster_before_catch_all", "postmaster@bücher.example", "alice as"},
    Row{"postmaster_elsewhere", "postmaster@elsewhere.example", "postmaster@elsewhere.example"},
};

INSTANTIATE_TEST_SUITE_P(Rows, Routing, ::testing::ValuesIn(rows),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Router, lets_nobody_but_the_first_user_be_postmaster_unless_told) {
  struct Case {
    std::vector<std::string> users;
    std::string alias;
    std::string mailbox;
  };
  for (const auto& [users, alias, mailbox] : {
           Case{{}, "", "postmaster"},
           Case{{"carl", "dora"}, "", "carl"},
           Case{{"carl", "root"}, "", "root"},
           Case{{"carl", "postmaster"}, "", "postmaster"},
           Case{{"carl", "dora"}, "dora", "dora"},
       }) {
    Directory::Parts some;
    some.domains = {"example.org"};
    for (const auto& user : users) some.users.push_back(mail::UserName::parse(user).value());
    if (!alias.empty()) some.aliases["postmaster"].targets = targets({alias});
    const auto resolution = resolve(address("postmaster@example.org"), Directory(some));
    EXPECT_THAT(text_of(resolution), ::testing::StartsWith(mailbox + " as"));
  }
}

TEST(Router, without_separator_takes_names_as_they_stand) {
  auto some = parts();
  some.separator = "";
  EXPECT_EQ(text_of(resolve(address("alice+shop@example.org"), Directory(some))), "unknown");
}

TEST(Router, gives_up_a_list_that_is_too_long_or_too_deep) {
  auto some = parts();
  for (int i = 0; i < 50; ++i) {
    some.aliases["many"].targets.emplace_back(address(fmt::format("u{}@elsewhere.example", i)));
    some.aliases[fmt::format("deep{}", i)].targets = targets({fmt::format("deep{}", i + 1)});
  }
  some.aliases["deep50"].targets = targets({"alice"});
  const Directory directory(some);
  const RouterSettings settings{.depth = 10, .destinations = 49, .faults = 10};
  EXPECT_EQ(text_of(resolve(address("many@example.org"), directory, settings)),
            "broken: it leads to more than 49 destinations");
  EXPECT_EQ(text_of(resolve(address("deep0@example.org"), directory, settings)),
            "broken: too many aliases lead to each other");
  EXPECT_THAT(text_of(resolve(address("deep45@example.org"), directory, settings)), HasSubstr("alice as"));
}

TEST(Router, follows_each_alias_once_however_many_ways_lead_to_it) {
  // Each level names both aliases of the next: 2^25 ways to the end.
  Directory::Parts some;
  some.domains = {"example.org"};
  some.users = {mail::UserName::parse("alice").value()};
  for (int i = 0; i < 25; ++i) {
    for (const auto* side : {"l", "r"}) {
      some.aliases[fmt::format("{}{}", side, i)].targets =
          targets({fmt::format("l{}", i + 1), fmt::format("r{}", i + 1)});
    }
  }
  some.aliases["l25"].targets = targets({"alice"});
  some.aliases["r25"].targets = targets({"alice"});
  EXPECT_EQ(text_of(resolve(address("l0@example.org"), Directory(some))), "alice as alice@example.org");
}

TEST(Router, answers_by_the_book) {
  EXPECT_FALSE(refusal_of(Routed{}));
  EXPECT_EQ(refusal_of(UnknownUser{})->to_string().substr(0, 9), "550 5.1.1");
  EXPECT_EQ(refusal_of(BrokenAlias{"why"})->to_string().substr(0, 9), "451 4.3.5");
}

}  // namespace
}  // namespace posthorn::rules
