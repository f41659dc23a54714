#include "store/directory_files.hpp"

#include "rules/recipient_router.hpp"
#include "sim/disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DirectoryFilesTest : public ::testing::Test {
 protected:
  DirectoryFilesTest() {
    disk.plant_folder("/etc");
    disk.plant_file("/etc/users", "alice\nbob:{A}x\n");
    disk.plant_file("/etc/aliases", "info: alice\nlist: :include:/etc/list\n");
    disk.plant_file("/etc/list", "bob\n");
  }

  [[nodiscard]] LoadedDirectory load() {
    auto loaded = load_directory(disk, settings);
    if (!loaded) ADD_FAILURE() << loaded.error().text;
    return loaded ? std::move(*loaded) : LoadedDirectory{};
  }

  static std::vector<std::string> lines_of(const std::vector<FileFault>& faults) {
    std::vector<std::string> lines;
    for (const auto& fault : faults) lines.push_back(fault.to_string());
    return lines;
  }

  static bool takes(const LoadedDirectory& loaded, std::string_view address) {
    const auto resolution = rules::resolve(mail::Address::parse(address).value(), *loaded.directory);
    return std::holds_alternative<rules::Routed>(resolution);
  }

  sim::Disk disk;
  DirectorySettings settings{.users_file = "/etc/users", .aliases_file = "/etc/aliases", .domains = {"example.org"}};
};

TEST_F(DirectoryFilesTest, are_read) {
  const auto loaded = load();
  EXPECT_TRUE(takes(loaded, "alice@example.org"));
  EXPECT_TRUE(takes(loaded, "info+x@example.org"));
  EXPECT_TRUE(takes(loaded, "list@example.org"));
  EXPECT_FALSE(takes(loaded, "nobody@example.org"));
  EXPECT_THAT(loaded.faults, IsEmpty());
  EXPECT_THAT(loaded.missing, IsEmpty());
}

TEST_F(DirectoryFilesTest, may_be_missing) {
  disk.erase("/etc/users");
  disk.erase("/etc/aliases");
  const auto loaded = load();
  EXPECT_THAT(loaded.missing, ElementsAre("/etc/users", "/etc/aliases"));
  EXPECT_FALSE(takes(loaded, "alice@example.org"));
  EXPECT_TRUE(takes(loaded, "postmaster@example.org"));
}

TEST_F(DirectoryFilesTest, need_no_aliases) {
  settings.aliases_file.clear();
  EXPECT_THAT(load().missing, IsEmpty());
}

TEST_F(DirectoryFilesTest, are_in_force_but_for_the_lines_that_are_wrong) {
  disk.plant_file("/etc/users", "alice\n../etc\nbob\n");
  disk.plant_file("/etc/aliases", "info: |cat\nmine: bob\n");
  const auto loaded = load();
  EXPECT_TRUE(takes(loaded, "bob@example.org"));
  EXPECT_TRUE(takes(loaded, "mine@example.org"));
  EXPECT_FALSE(takes(loaded, "info@example.org"));
  EXPECT_EQ(loaded.faults.size(), 3U);
}

TEST_F(DirectoryFilesTest, name_users_of_domains_that_are_not_ours) {
  disk.plant_file("/etc/users", "alice@example.org\nbob@example.net\n");
  EXPECT_THAT(lines_of(load().faults), ElementsAre("/etc/users:2: bob@example.net: its domain is not one of ours"));
}

TEST_F(DirectoryFilesTest, that_cannot_be_read_are_an_error) {
  disk.plan({.operation = sim::DiskOperation::read, .error = Error::Kind::io, .path = "/etc/users"});
  EXPECT_EQ(load_directory(disk, settings).error().kind, Error::Kind::io);
  disk.plan({.operation = sim::DiskOperation::open_file, .error = Error::Kind::not_permitted, .path = "/etc/aliases"});
  EXPECT_EQ(load_directory(disk, settings).error().kind, Error::Kind::not_permitted);
  disk.erase("/etc/users");
  disk.plant_link("/etc/users", "/etc/list");
  EXPECT_EQ(load_directory(disk, settings).error().kind, Error::Kind::is_link);
}

TEST_F(DirectoryFilesTest, are_known_to_have_changed) {
  const auto change = [&](const std::string& path, std::string_view text) {
    const auto loaded = load();
    EXPECT_FALSE(has_changed(disk, loaded.marks));
    disk.plant_file(path, text);
    EXPECT_TRUE(has_changed(disk, loaded.marks)) << path;
  };
  change("/etc/users", "alice\n");
  change("/etc/aliases", "list: :include:/etc/list, :include:/etc/other\n");
  change("/etc/list", "alice\nbob\n");
  change("/etc/other", "appears\n");
  const auto loaded = load();
  disk.erase("/etc/users");
  EXPECT_TRUE(has_changed(disk, loaded.marks));
}

TEST_F(DirectoryFilesTest, are_judged_as_a_whole) {
  disk.plant_file("/etc/aliases",
                  "info: alice\n"
                  "one: two\n"
                  "two: one\n"
                  "team: alice, nobody\n"
                  "far@elsewhere.example: alice\n"
                  "@example.org: bob\n"
                  "void: |cat\n");
  settings.domains = {"example.org", "example.net"};
  const auto loaded = load();
  const auto lines = lines_of(judge_directory(*loaded.directory, settings));
  EXPECT_THAT(lines, ElementsAre("/etc/aliases:5: far@elsewhere.example: its domain is not one of ours"))
      << "everyone else in example.org is bob";

  disk.plant_file("/etc/aliases", "info: alice\none: two\ntwo: one\nteam: alice, nobody\n");
  EXPECT_THAT(lines_of(judge_directory(*load().directory, settings)),
              ElementsAre("/etc/aliases:2: one: one@example.org: it leads back to itself, and no user has that name",
                          "/etc/aliases:3: two: two@example.org: it leads back to itself, and no user has that name",
                          "/etc/aliases:4: team: nobody@example.org: there is nobody of that name"));
}

}  // namespace
}  // namespace posthorn::store
