#include "rules/alias_pattern.hpp"

#include "rules/directory.hpp"
#include "rules/recipient_router.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::rules {
namespace {

using testing::ElementsAre;

mail::Address address(std::string_view text) { return mail::Address::parse(text).value(); }

AliasPattern pattern(std::string_view expression, std::vector<AliasTarget> targets) {
  auto made = AliasPattern::make(expression, {.targets = std::move(targets)});
  EXPECT_TRUE(made) << made.error().text;
  return std::move(*made);
}

TEST(AliasPattern, IsSearchedForInTheWholeAddressInAnyCase) {
  const auto sales = pattern("^Sales-.*@example\\.org$", {address("bob@far.example")});
  EXPECT_TRUE(sales.targets_for("sales-north@example.org"));
  EXPECT_FALSE(sales.targets_for("sales-north@example.org.example"));
  EXPECT_FALSE(sales.targets_for("no-sales-@example.org"));
  EXPECT_TRUE(pattern("ale", {}).targets_for("sales@example.org"));
}

TEST(AliasPattern, GroupsBecomePartOfTheTargets) {
  const auto list =
      pattern("^(.+)-(.+)@", {address("$2.$1@far.example"), LocalTarget{"$1", false}, LocalTarget{"a$9b", true}});
  const auto targets = list.targets_for("one-two@example.org");
  ASSERT_TRUE(targets);
  EXPECT_THAT(*targets, ElementsAre(AliasTarget{address("two.one@far.example")}, AliasTarget{LocalTarget{"one", false}},
                                    AliasTarget{LocalTarget{"ab", true}}));
}

TEST(AliasPattern, WhatIsNoAddressThenIsLeftOut) {
  const auto list = pattern("^(x*)", {address("$1@far.example")});
  ASSERT_TRUE(list.targets_for("y@example.org"));
  EXPECT_TRUE(list.targets_for("y@example.org")->empty());
}

TEST(AliasPattern, SaysWhatIsWrongWithAnExpression) {
  for (const auto& expression : {std::string("("), std::string("a{1,100000}"),
                                 std::string("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)"), std::string(1001, 'a')}) {
    const auto made = AliasPattern::make(expression, {});
    ASSERT_FALSE(made) << expression;
    EXPECT_FALSE(made.error().text.empty());
  }
}

TEST(AliasPattern, TakesLinearTimeWhateverTheExpression) {
  const auto nasty = pattern("^(a+)+(b+)*(a|aa)+$", {});
  EXPECT_FALSE(nasty.targets_for(std::string(200, 'a') + "@example.org"));
}

Directory directory() {
  Directory::Parts parts;
  parts.domains = {"example.org"};
  for (const auto* user : {"alice", "sales-alice"}) parts.users.push_back(mail::UserName::parse(user).value());
  parts.patterns.push_back(pattern("^sales-(.+)@", {LocalTarget{"$1", false}}));
  parts.patterns.push_back(pattern("^sales-", {address("never@far.example")}));
  parts.patterns.push_back(pattern("^again-(.+)@", {LocalTarget{"again-$1", false}}));
  parts.patterns.push_back(pattern("^more-(.+)@", {LocalTarget{"more-x$1", false}}));
  parts.aliases["@example.org"].targets = {address("rest@far.example")};
  return Directory(std::move(parts));
}

std::string ends_of(std::string_view text) {
  const auto resolution = resolve(address(text), directory());
  if (const auto* broken = std::get_if<BrokenAlias>(&resolution)) return broken->why;
  if (std::holds_alternative<UnknownUser>(resolution)) return "nobody";
  std::string ends;
  for (const auto& end : std::get<Routed>(resolution).destinations) {
    const auto* mailbox = std::get_if<MailboxDestination>(&end);
    ends +=
        mailbox != nullptr ? mailbox->user.text() + ";" : std::get<RemoteDestination>(end).address.to_string() + ";";
  }
  return ends;
}

TEST(AliasPattern, ComesAfterUsersAndBeforeTheCatchAll) {
  EXPECT_EQ(ends_of("sales-alice@example.org"), "sales-alice;") << "who is there is not hidden";
  EXPECT_EQ(ends_of("Sales-ALICE@example.org"), "sales-alice;");
  EXPECT_EQ(ends_of("sales-bob@example.org"), "rest@far.example;")
      << "the first that matches, then bob is nobody but the rest";
  EXPECT_EQ(ends_of("other@example.org"), "rest@far.example;");
}

TEST(AliasPattern, CirclesAndTargetsThatGrowEnd) {
  EXPECT_EQ(ends_of("again-a@example.org"), "it has no target");
  EXPECT_EQ(ends_of("more-a@example.org"), "too many aliases lead to each other");
}

}  // namespace
}  // namespace posthorn::rules
