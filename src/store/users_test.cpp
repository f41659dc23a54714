#include "store/users.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace posthorn::store {
namespace {

std::string text_of(const UserList& list) {
  std::string text;
  for (const auto& user : list.users) {
    text += user.name.text() + "=" + std::string(user.hash.reveal()) + "@" + std::to_string(user.line) + " ";
  }
  for (const auto& fault : list.faults) text += "[" + fault.to_string() + "]";
  return text;
}

mail::UserName name(std::string_view text) { return mail::UserName::parse(text).value(); }

TEST(Users, are_read_line_by_line) {
  struct Row {
    std::string_view text;
    std::string_view users;
  };
  static constexpr std::array<Row, 14> rows{{
      {"", ""},
      {"alice\n", "alice=@1 "},
      {"alice", "alice=@1 "},
      {"\n# comment\n  # another\nalice\r\n", "alice=@4 "},
      {"  alice  \n", "alice=@1 "},
      {"Alice:{ARGON2ID}$argon2id$x\n", "alice={ARGON2ID}$argon2id$x@1 "},
      {"alice::1000:1000::/srv/alice::quota=1G\nbob\n", "alice=@1 bob=@2 "},
      {"alice:{PLAIN}secret:1000\n", "alice={PLAIN}secret@1 "},
      {"erin@example.net:hash\n", "erin@example.net=hash@1 "},
      {"käthe\n", "käthe=@1 "},
      {"alice\nALICE:x\nbob\n", "alice=@1 bob=@3 [users:2: there is a line for alice already; this one is ignored]"},
      {"../etc\nbob\n", "bob=@2 [users:1: a user's name is made of letters, digits and . _ - + = & ' % ~ !]"},
      {":hash\nbob\n", "bob=@2 [users:1: a user's name must not be empty]"},
      {"a lice\nbob\n", "bob=@2 [users:1: a user's name is made of letters, digits and . _ - + = & ' % ~ !]"},
  }};
  for (const auto& row : rows) EXPECT_EQ(text_of(parse_users(row.text, "users")), row.users) << row.text;
}

TEST(Users, with_endless_lines_are_faults) {
  const auto list = parse_users("alice:" + std::string(5000, 'x') + "\nbob", "users");
  EXPECT_EQ(text_of(list), "bob=@2 [users:1: the line is longer than 4096 octets]");
}

TEST(Users, name_the_scheme_of_their_hash) {
  EXPECT_EQ(scheme_of(Secret("{argon2id}$x")), "ARGON2ID");
  EXPECT_EQ(scheme_of(Secret("$6$x")), "CRYPT");
  EXPECT_EQ(scheme_of(Secret("{broken")), "CRYPT");
  EXPECT_EQ(scheme_of(Secret()), "");
}

constexpr std::string_view file =
    "# people\n"
    "alice:{A}one:1000:1000::/srv/alice\n"
    "\n"
    "bob   # no comment, a wrong name\n"
    "Bob\n"
    "carl:";

TEST(Users, are_added_at_the_end) {
  EXPECT_EQ(with_user("", name("dora"), Secret()).value(), "dora\n");
  EXPECT_EQ(with_user(file, name("dora"), Secret("{A}x")).value(), std::string(file) + "\ndora:{A}x\n");
  EXPECT_EQ(with_user(file, name("ALICE"), Secret()).error().kind, Error::Kind::exists);
}

TEST(Users, are_removed_and_nothing_else_is) {
  EXPECT_EQ(without_user(file, name("alice")).value(), "# people\n\nbob   # no comment, a wrong name\nBob\ncarl:");
  EXPECT_EQ(without_user(file, name("bob")).value(),
            "# people\nalice:{A}one:1000:1000::/srv/alice\n\nbob   # no comment, a wrong name\ncarl:");
  EXPECT_EQ(without_user("bob:1\nalice\nbob:2\n", name("bob")).value(), "alice\n") << "the ignored line goes too";
  EXPECT_EQ(without_user(file, name("dora")).error().kind, Error::Kind::not_found);
}

TEST(Users, get_another_hash_and_keep_their_fields) {
  EXPECT_EQ(with_hash(file, name("alice"), Secret("{B}two")).value(),
            "# people\nalice:{B}two:1000:1000::/srv/alice\n\nbob   # no comment, a wrong name\nBob\ncarl:");
  EXPECT_EQ(with_hash("bob\nx\n", name("bob"), Secret("{B}two")).value(), "bob:{B}two\nx\n");
  EXPECT_EQ(with_hash(" bob\t\r\nx\n", name("bob"), Secret("{B}two")).value(), "bob:{B}two\r\nx\n");
  EXPECT_EQ(with_hash(file, name("carl"), Secret("{B}two")).value(), std::string(file) + "{B}two");
  EXPECT_EQ(with_hash(file, name("dora"), Secret("{B}")).error().kind, Error::Kind::not_found);
}

TEST(Users, refuse_a_hash_that_would_be_more_than_one) {
  for (const auto* hash : {"a:b", "a\nroot", "a\r"}) {
    EXPECT_EQ(with_user("", name("dora"), Secret(hash)).error().kind, Error::Kind::invalid) << hash;
    EXPECT_EQ(with_hash(file, name("alice"), Secret(hash)).error().kind, Error::Kind::invalid) << hash;
  }
}

}  // namespace
}  // namespace posthorn::store
