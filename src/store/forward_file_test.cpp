#include "store/forward_file.hpp"

#include "sim/disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

using rules::AliasTarget;
using rules::LocalTarget;
using testing::ElementsAre;
using testing::HasSubstr;

const auto alice = mail::UserName::parse("alice").value();
mail::Address address(std::string_view text) { return mail::Address::parse(text).value(); }

TEST(ForwardFile, NamesAddressesAndUsersAndTheOwnNameForACopy) {
  const auto forward =
      parse_forward("# where to\nbob@far.example, carl\n\\alice\n\"Dora D\" <dora@far.example>\n", alice);
  EXPECT_TRUE(forward.keeps_copy);
  EXPECT_THAT(forward.targets,
              ElementsAre(AliasTarget{address("bob@far.example")}, AliasTarget{LocalTarget{"carl", false}},
                          AliasTarget{address("dora@far.example")}));
  EXPECT_TRUE(forward.faults.empty());
  EXPECT_TRUE(parse_forward("alice", alice).keeps_copy);
  EXPECT_FALSE(parse_forward("bob@far.example", alice).keeps_copy);
}

TEST(ForwardFile, StartsNoProgramAndWritesNoFile) {
  const auto forward = parse_forward(
      "|/bin/vacation\n\"|/bin/sh -c id\"\n/tmp/box\n\"/tmp/box\"\n:include:/etc/passwd\nbob@far.example\n", alice);
  EXPECT_THAT(forward.targets, ElementsAre(AliasTarget{address("bob@far.example")}));
  EXPECT_EQ(forward.faults.size(), 5U);
}

TEST(ForwardFile, HasABound) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "u" + std::to_string(i) + "@far.example\n";
  EXPECT_EQ(parse_forward(many, alice).targets.size(), 100U);
}

struct ForwardFolder : testing::Test {
  sim::Disk disk;
  ForwardPlace place{"/mail", ".forward", {1000, 1000}};
  void SetUp() override {
    disk.plant_folder("/mail", 0755);
    disk.plant_folder("/mail/alice", 0700);
  }
};

TEST_F(ForwardFolder, IsReadWhereItIs) {
  auto none = read_forward(disk, place, alice);
  ASSERT_TRUE(none) << none.error().text;
  EXPECT_FALSE(*none);
  EXPECT_FALSE(*read_forward(disk, place, mail::UserName::parse("nobody").value()));
  ASSERT_TRUE(disk.plant_file("/mail/alice/.forward", "bob@far.example\n", 0644));
  const auto there = read_forward(disk, place, alice);
  ASSERT_TRUE(there) << there.error().text;
  ASSERT_TRUE(*there);
  EXPECT_EQ((*there)->targets.size(), 1U);
}

TEST_F(ForwardFolder, DoesNotCountIfOthersMayWriteIt) {
  for (const auto mode : {0666U, 0664U, 0622U}) {
    disk.plant_file("/mail/alice/.forward", "bob@far.example\n", mode);
    const auto refused = read_forward(disk, place, alice);
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().kind, Error::Kind::not_permitted);
    EXPECT_THAT(refused.error().text, HasSubstr("/mail/alice/.forward"));
  }
}

TEST_F(ForwardFolder, DoesNotCountIfItIsALink) {
  disk.plant_link("/mail/alice/.forward", "/mail/secrets");
  const auto refused = read_forward(disk, place, alice);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::is_link);
}

TEST_F(ForwardFolder, DoesNotCountIfItIsAnotherNameForAFile) {
  disk.plant_file("/mail/secrets", "bob@far.example\n", 0600);
  disk.plant_hard_link("/mail/alice/.forward", "/mail/secrets");
  const auto refused = read_forward(disk, place, alice);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::is_link);
}

TEST_F(ForwardFolder, DoesNotCountIfItIsTooLarge) {
  disk.plant_file("/mail/alice/.forward", std::string(70'000, '#'), 0600);
  EXPECT_FALSE(read_forward(disk, place, alice));
}

}  // namespace
}  // namespace posthorn::store
