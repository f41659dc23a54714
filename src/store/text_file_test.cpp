// Reading and replacing an administrator's file on the simulated disk: links, sizes, locks, rights, power cuts.
#include "store/text_file.hpp"

#include "sim/disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t limit = 1000;
const ChangeSettings settings{.fresh = {.mode = 0640, .owner = std::nullopt}, .limit = limit, .lock_wait = {}};

Result<std::string> add_line(std::string_view text) { return std::string(text) + "line\n"; }

class TextFileTest : public ::testing::Test {
 protected:
  TextFileTest() {
    disk.plant_folder("/etc");
    disk.plant_file("/etc/users", "alice\n", 0600);
  }
  sim::Disk disk;
};

TEST_F(TextFileTest, is_read_whole) {
  const auto file = read_text_file(disk, "/etc/users", limit);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ(file->text, "alice\n");
  EXPECT_EQ(file->mode, 0600U);
  EXPECT_EQ(file->mark, mark_of(disk, "/etc/users"));
}

TEST_F(TextFileTest, says_why_it_cannot_be_read) {
  disk.plant_link("/etc/link", "/etc/users");
  disk.plant_file("/etc/large", std::string(limit + 1, 'x'));
  disk.plant_folder("/etc/folder");
  struct Row {
    std::string path;
    Error::Kind kind;
  };
  for (const auto& [path, kind] : {
           Row{"/etc/none", Error::Kind::not_found},
           Row{"/none/users", Error::Kind::not_found},
           Row{"/etc/link", Error::Kind::is_link},
           Row{"/etc/large", Error::Kind::invalid},
           Row{"/etc/", Error::Kind::invalid},
           Row{"/etc/..", Error::Kind::invalid},
       }) {
    const auto file = read_text_file(disk, path, limit);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().kind, kind) << path << ": " << file.error().text;
  }
  EXPECT_FALSE(read_text_file(disk, "/etc/folder", limit));
}

TEST_F(TextFileTest, is_known_to_have_changed) {
  const auto before = mark_of(disk, "/etc/users");
  EXPECT_TRUE(before.is_there);
  ASSERT_TRUE(change_text_file(disk, "/etc/users", settings, add_line));
  EXPECT_NE(mark_of(disk, "/etc/users"), before);
  disk.erase("/etc/users");
  EXPECT_FALSE(mark_of(disk, "/etc/users").is_there);
}

TEST_F(TextFileTest, is_changed_and_keeps_its_rights) {
  disk.set_account(0, 0);
  disk.change_owner("/etc/users", 7, 8);
  ASSERT_TRUE(change_text_file(disk, "/etc/users", settings, add_line));
  EXPECT_EQ(disk.contents("/etc/users"), "alice\nline\n");
  const auto facts = disk.open_root("/etc").value()->facts("users").value();
  EXPECT_EQ(facts.mode, 0600U);
  EXPECT_EQ(facts.user, 7U);
  EXPECT_EQ(facts.group, 8U);
}

TEST_F(TextFileTest, is_made_when_it_is_not_there) {
  ASSERT_TRUE(change_text_file(disk, "/etc/new", settings, add_line));
  EXPECT_EQ(disk.contents("/etc/new"), "line\n");
  EXPECT_EQ(disk.open_root("/etc").value()->facts("new")->mode, 0640U);
}

TEST_F(TextFileTest, is_left_alone_when_the_change_is_refused) {
  const auto refuse = [](std::string_view) -> Result<std::string> { return failure(Error::Kind::exists, "no"); };
  EXPECT_EQ(change_text_file(disk, "/etc/users", settings, refuse).error().kind, Error::Kind::exists);
  EXPECT_EQ(disk.contents("/etc/users"), "alice\n");
  EXPECT_THAT(disk.tree("/etc"), Not(Contains(HasSubstr(".new"))));
}

TEST_F(TextFileTest, is_changed_by_one_at_a_time) {
  const auto folder = disk.open_root("/etc").value();
  const auto lock = folder->lock(".users.lock").value();
  EXPECT_EQ(change_text_file(disk, "/etc/users", settings, add_line).error().kind, Error::Kind::in_use);
  EXPECT_EQ(disk.contents("/etc/users"), "alice\n");
}

TEST_F(TextFileTest, is_not_written_through_a_link) {
  disk.plant_file("/etc/target", "secret\n");
  disk.plant_link("/etc/link", "/etc/target");
  EXPECT_EQ(change_text_file(disk, "/etc/link", settings, add_line).error().kind, Error::Kind::is_link);
  disk.plant_link("/etc/.users.new", "/etc/target");
  EXPECT_TRUE(change_text_file(disk, "/etc/users", settings, add_line)) << "a draft left lying is taken away";
  EXPECT_EQ(disk.contents("/etc/target"), "secret\n");
}

std::unique_ptr<sim::Disk> disk_with_users() {
  auto disk = std::make_unique<sim::Disk>();
  disk->plant_folder("/etc");
  disk->plant_file("/etc/users", "alice\n", 0600);
  return disk;
}

TEST(TextFile, is_old_or_new_after_a_power_cut_at_every_step_and_new_once_it_was_said) {
  const auto whole = disk_with_users();
  const auto before = whole->operations();
  ASSERT_TRUE(change_text_file(*whole, "/etc/users", settings, add_line));
  const auto steps = whole->operations() - before;
  for (std::uint64_t step = 1; step <= steps + 1; ++step) {
    const auto disk = disk_with_users();
    disk->cut_power_at(disk->operations() + step);
    const bool done = change_text_file(*disk, "/etc/users", settings, add_line).has_value();
    EXPECT_EQ(done, step > steps);
    disk->cut_power();
    sim::ExhaustiveChoice choice;
    do {
      const auto text = disk->after_power_cut(choice)->contents("/etc/users").value_or("gone");
      EXPECT_THAT(text, done ? AnyOf("alice\nline\n", "alice\nline\n") : AnyOf("alice\n", "alice\nline\n")) << step;
    } while (choice.next());
  }
}

TEST_F(TextFileTest, is_old_after_a_full_disk_and_failing_syncs) {
  for (const auto operation :
       {sim::DiskOperation::write, sim::DiskOperation::sync_data, sim::DiskOperation::create_file,
        sim::DiskOperation::rename, sim::DiskOperation::close}) {
    disk.plan({.operation = operation, .error = Error::Kind::no_space, .path = ".users.new"});
    EXPECT_FALSE(change_text_file(disk, "/etc/users", settings, add_line)) << to_text(operation);
    EXPECT_EQ(disk.contents("/etc/users"), "alice\n") << to_text(operation);
    disk.forget_plan();
  }
}

}  // namespace
}  // namespace posthorn::store
