#include "store/aliases.hpp"

#include "store/alias_lexer.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>

namespace posthorn::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<std::string> read_include(const std::string& path) {
  static const std::map<std::string, std::string> files{
      {"/lists/two", "# a list\nbob\nZoe <zoe@elsewhere.example>,\n  carl\n"},
      {"/lists/circle", "alice\n:include:/lists/circle\n"},
      {"/lists/wrong", "alice\n|cat\n"},
      {"/lists/deep", ":include:/lists/two"},
  };
  const auto found = files.find(path);
  return found == files.end() ? failure(Error::Kind::not_found, "no such file") : Result<std::string>(found->second);
}

std::string text_of(const rules::AliasTarget& target) {
  if (const auto* address = std::get_if<mail::Address>(&target)) return address->to_string();
  const auto& local = std::get<rules::LocalTarget>(target);
  return (local.skips_aliases ? "\\" : "") + local.local_part;
}

/// "key@line=target target …", in the order of the keys, then the faults.
std::string text_of(const AliasList& list) {
  std::map<std::string, std::string> sorted;
  for (const auto& [key, alias] : list.aliases) {
    auto& text = sorted[key];
    text = fmt::format("{}@{}=", key, alias.line);
    for (const auto& target : alias.targets) text += text_of(target) + " ";
  }
  std::string text;
  for (const auto& [key, line] : sorted) text += line;
  for (const auto& fault : list.faults) text += "[" + fault.to_string() + "]";
  return text;
}

struct Row {
  std::string_view name;
  std::string_view text;
  std::string_view aliases;  // begins with
};

class Aliases : public ::testing::TestWithParam<Row> {};

TEST_P(Aliases, are_read) {
  const auto list = parse_aliases(GetParam().text, "aliases", read_include);
  EXPECT_THAT(text_of(list), ::testing::StartsWith(GetParam().aliases));
  if (!GetParam().aliases.contains('[')) EXPECT_TRUE(list.faults.empty());
}

constexpr std::array rows{
    Row{"nothing", "", ""},
    Row{"comments", "# one\n\n   # two\n", ""},
    Row{"one", "root: alice", "root@1=alice "},
    Row{"blanks", "  \nroot \t:\talice\n", "root@2=alice "},
    Row{"case", "ROOT: Alice", "root@1=alice "},
    Row{"several", "staff: alice, bob,zoe@elsewhere.example ,, \\carl",
        "staff@1=alice bob zoe@elsewhere.example \\carl "},
    Row{"continued", "staff: alice,\n  bob\n\t,carl\nroot: alice", "root@4=alice staff@1=alice bob carl "},
    Row{"continued_over_a_comment", "staff: alice,\n# a comment\n  bob", "staff@1=alice bob "},
    Row{"carriage_returns", "root: alice\r\nstaff: bob\r\n", "root@1=alice staff@2=bob "},
    Row{"quoted_name", "\"john smith\": alice", "john smith@1=alice "},
    Row{"quoted_colon", "\"a:b\": alice", "a:b@1=alice "},
    Row{"quoted_target", "info: \"john smith\"@elsewhere.example", "info@1=\"john smith\"@elsewhere.example "},
    Row{"display_name", "info: \"Smith, J\" <j@elsewhere.example>, bob", "info@1=j@elsewhere.example bob "},
    Row{"domain_of_target", "info: zoe@BÜCHER.example", "info@1=zoe@xn--bcher-kva.example "},
    Row{"one_address", "Info@Example.ORG: alice", "info@example.org@1=alice "},
    Row{"catch_all", "@example.org: alice", "@example.org@1=alice "},
    Row{"non_ascii", "b\u00fcro: alice", "b\u00fcro@1=alice "},
    Row{"include", "list: :include:/lists/two, alice", "list@1=bob zoe@elsewhere.example carl alice "},
    Row{"include_quoted", "list: \":include:/lists/two\"", "list@1=bob zoe@elsewhere.example carl "},
    Row{"include_in_include", "list: :include:/lists/deep", "list@1=bob zoe@elsewhere.example carl "},
    Row{"last_line_without_end", "a: b\nb: c", "a@1=b b@2=c "},
    // faults
    Row{"no_colon", "root alice\nb: c", "b@2=c [aliases:1: is not NAME: TARGET, …]"},
    Row{"no_name", ": alice", "[aliases:1: \"\" is no name for an alias"},
    Row{"twice", "a: b\nA: c", "a@1=b [aliases:2: \"A\" stands in line 1 already; this one is ignored]"},
    Row{"empty", "a:", "a@1=[aliases:1: \"a\" leads nowhere; its mail is put off]"},
    Row{"program", "a: |/bin/cat\nb: c", "a@1=b@2=c [aliases:1: \"|/bin/cat\" starts a program, which mail never does"},
    Row{"program_quoted", "a: \"|/bin/cat, x\"", "a@1=[aliases:1: \"|/bin/cat, x\" starts a program"},
    Row{"program_beside", "a: alice, \"|vacation\"", "a@1=alice [aliases:1: \"|vacation\" starts a program"},
    Row{"file", "a: /dev/null", "a@1=[aliases:1: \"/dev/null\" is a file; mail is written into the mailboxes"},
    Row{"file_quoted", "a: \"/tmp/x y\"", "a@1=[aliases:1: \"/tmp/x y\" is a file"},
    Row{"word", "a: :fail: gone", "a@1=[aliases:1: \":fail: gone\" is no word that is known"},
    Row{"bad_address", "a: zoe@, bob", "a@1=bob [aliases:1: \"zoe@\" is no address"},
    Row{"bad_name", "a: b c, bob", "a@1=bob [aliases:1: \"b c\" is no name"},
    Row{"comment_behind", "a: bob # or alice", "a@1=[aliases:1: \"bob # or alice\" is no name"},
    Row{"control", "a: bob\x1b[2J", "a@1=[aliases:1: \"bob\\x1b[2J\" is no name"},
    Row{"open_quote", "a: \"bob, carl", "a@1=[aliases:1: \"\"bob, carl\" is no name"},
    Row{"include_missing", "a: :include:/none, bob", "a@1=bob [aliases:1: \"/none\" cannot be read: no such file]"},
    Row{"include_relative", "a: :include:none", "a@1=[aliases:1: \"none\" is no whole path"},
    Row{"include_itself", "a: :include:/lists/circle",
        "a@1=alice [/lists/circle:2: \"/lists/circle\" includes itself]"},
    Row{"include_with_program", "a: :include:/lists/wrong", "a@1=alice [/lists/wrong:2: \"|cat\" starts a program"},
};

INSTANTIATE_TEST_SUITE_P(Rows, Aliases, ::testing::ValuesIn(rows),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(AliasLimits, hold) {
  std::string many = "a: b";
  for (int i = 0; i < 20; ++i) many += fmt::format(", u{}", i);
  const auto few = parse_aliases(many + "\nz: alice", "aliases", read_include, {.targets = 5});
  EXPECT_EQ(few.aliases.at("a").targets.size(), 5U);
  EXPECT_THAT(few.faults.at(0).to_string(), HasSubstr("aliases:1: more than 5 targets; the rest is ignored"));

  // Each file includes the next: a chain, not a circle.
  const IncludeReader chain = [](const std::string& path) -> Result<std::string> { return ":include:" + path + "x"; };
  const auto deep = parse_aliases("a: :include:/x", "aliases", chain, {.include_depth = 4});
  EXPECT_THAT(deep.faults.at(0).text, HasSubstr("is included by too many files in turn"));

  const IncludeReader fork = [](const std::string& path) -> Result<std::string> {
    return ":include:" + path + "l, :include:" + path + "r";
  };
  const auto wide = parse_aliases("a: :include:/x", "aliases", fork, {.includes = 100, .include_depth = 50});
  EXPECT_THAT(wide.faults.at(0).text, HasSubstr("is included by too many files in turn"));
  EXPECT_LE(wide.faults.size(), 1000U);
}

TEST(AliasLexer, unquotes_only_what_is_quoted_as_a_whole) {
  EXPECT_EQ(unquoted("\"a b\""), "a b");
  EXPECT_EQ(unquoted("\"a\\\"b\""), "a\"b");
  EXPECT_EQ(unquoted("\"a\"@\"b\""), "\"a\"@\"b\"");
  EXPECT_EQ(unquoted("\""), "\"");
  EXPECT_EQ(unquoted("\"\""), "");
  EXPECT_EQ(unquoted("ab"), "ab");
}

TEST(AliasLexer, cuts_at_commas_outside_of_quotes) {
  EXPECT_THAT(pieces_of("a, \"b,c\" ,d\\,e,,"), ElementsAre("a", "\"b,c\"", "d\\,e"));
}

}  // namespace
}  // namespace posthorn::store
