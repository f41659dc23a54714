// The real disk in a temporary folder: what the interface promises, and links, races and full disks. The rows marked so
// run with openat2 and without it.
#include "system/posix_disk.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <latch>
#include <set>
#include <thread>

namespace posthorn::system {
namespace {

namespace fs = std::filesystem;
using world::EntryType;

std::string contents(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class PosixDiskTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "posthorn-disk-XXXXXX";
    base_ = ::mkdtemp(pattern.data());
    root_ = *disk_.open_root(base_);
  }
  void TearDown() override { fs::remove_all(base_); }

  std::string base_;
  PosixDisk disk_{PosixDisk::Settings{.use_openat2 = GetParam()}};
  std::unique_ptr<world::Folder> root_;
};

INSTANTIATE_TEST_SUITE_P(Kernel, PosixDiskTest, testing::Bool(),
                         [](const auto& row) { return row.param ? "openat2" : "openat"; });

TEST_P(PosixDiskTest, WritesPiecesAtPositionsAndReadsThemBack) {
  auto file = *root_->create_file("a", 0600);
  std::vector<std::string> owned;
  for (int i = 0; i < 1'000; ++i)
    owned.push_back(std::string(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26)));
  const std::vector<std::string_view> pieces{owned.begin(), owned.end()};
  std::string expected(5, '\0');
  for (const auto& piece : owned) expected += piece;
  ASSERT_TRUE(file->write_at(5, pieces));
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(*file->size(), expected.size());
  std::string read(expected.size() + 100, '?');
  EXPECT_EQ(*file->read_at(0, read), expected.size()) << "fewer only at the end";
  EXPECT_EQ(read.substr(0, expected.size()), expected);
  EXPECT_EQ(*file->read_at(1 << 20, read), 0U);
  EXPECT_TRUE(file->write_at(0, std::span<const std::string_view>{}));
  EXPECT_TRUE(file->truncate(7));
  EXPECT_TRUE(file->close());
  EXPECT_EQ(file->close().error().kind, Error::Kind::invalid);
  EXPECT_EQ(contents(base_ + "/a"), expected.substr(0, 7));
}

TEST_P(PosixDiskTest, PositionsPastEveryFileAreRefused) {
  auto file = *root_->create_file("a", 0600);
  EXPECT_EQ(file->write_at(~std::uint64_t{0}, "x").error().kind, Error::Kind::invalid);
  EXPECT_EQ(file->truncate(~std::uint64_t{0}).error().kind, Error::Kind::invalid);
}

TEST_P(PosixDiskTest, AFileOpenForReadingCannotBeWritten) {
  std::ofstream{base_ + "/a"} << "x";
  EXPECT_FALSE((*root_->open_file("a", false))->write_at(0, "y"));
  EXPECT_TRUE((*root_->open_file("a", true))->write_at(0, "y"));
}

TEST_P(PosixDiskTest, NamesThatAreNoNamesAreInvalid) {
  for (const std::string name : {"", ".", "..", "a/b", "/etc", "../x"}) {
    EXPECT_EQ(root_->open_file(name, false).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root_->create_file(name, 0600).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root_->open_folder(name).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root_->make_folder(name, 0700).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root_->remove(name).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root_->facts(name).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root_->lock(name).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root_->rename("a", *root_, name, true).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root_->rename(name, *root_, "a", true).error().kind, Error::Kind::invalid) << name;
  }
  EXPECT_EQ(root_->create_file(std::string_view{"a\0b", 3}, 0600).error().kind, Error::Kind::invalid);
  EXPECT_EQ(root_->create_file(std::string(256, 'x'), 0600).error().kind, Error::Kind::invalid);
}

TEST_P(PosixDiskTest, LinksAreNeverFollowed) {
  std::ofstream{base_ + "/target"} << "precious";
  fs::create_directory(base_ + "/folder");
  fs::create_symlink(base_ + "/target", base_ + "/link");
  fs::create_symlink("folder", base_ + "/folder_link");
  fs::create_symlink("nowhere", base_ + "/dangling");
  EXPECT_EQ(root_->open_file("link", false).error().kind, Error::Kind::is_link);
  EXPECT_EQ(root_->open_file("link", true).error().kind, Error::Kind::is_link);
  EXPECT_EQ(root_->create_file("link", 0600).error().kind, Error::Kind::exists);
  EXPECT_EQ(root_->create_file("dangling", 0600).error().kind, Error::Kind::exists);
  EXPECT_EQ(root_->lock("dangling").error().kind, Error::Kind::is_link);
  EXPECT_EQ(root_->open_folder("folder_link").error().kind, Error::Kind::is_link);
  EXPECT_EQ(root_->facts("link")->type, EntryType::link);
  EXPECT_FALSE(fs::exists(base_ + "/nowhere"));
  EXPECT_TRUE(root_->remove("link"));
  EXPECT_EQ(contents(base_ + "/target"), "precious");
}

TEST_P(PosixDiskTest, OtherKindsAreNotFiles) {
  ASSERT_EQ(::mkfifo((base_ + "/pipe").c_str(), 0600), 0);
  fs::create_directory(base_ + "/folder");
  std::ofstream{base_ + "/file"};
  EXPECT_EQ(root_->open_file("pipe", false).error().kind, Error::Kind::invalid) << "and does not wait for a writer";
  EXPECT_EQ(root_->open_file("pipe", true).error().kind, Error::Kind::invalid);
  EXPECT_EQ(root_->open_file("folder", false).error().kind, Error::Kind::invalid);
  EXPECT_EQ(root_->open_file("folder", true).error().kind, Error::Kind::invalid);
  EXPECT_EQ(root_->open_folder("file").error().kind, Error::Kind::invalid);
  EXPECT_EQ(root_->remove("folder", false).error().kind, Error::Kind::invalid);
  EXPECT_EQ(root_->remove("file", true).error().kind, Error::Kind::invalid);
}

TEST_P(PosixDiskTest, WhatIsNotThereIsNotFoundAndWhatIsThereExists) {
  EXPECT_EQ(root_->open_file("none", false).error().kind, Error::Kind::not_found);
  EXPECT_EQ(root_->open_folder("none").error().kind, Error::Kind::not_found);
  EXPECT_EQ(root_->remove("none").error().kind, Error::Kind::not_found);
  EXPECT_EQ(root_->facts("none").error().kind, Error::Kind::not_found);
  EXPECT_EQ(root_->rename("none", *root_, "x", true).error().kind, Error::Kind::not_found);
  ASSERT_TRUE(root_->make_folder("folder", 0700));
  EXPECT_EQ(root_->make_folder("folder", 0700).error().kind, Error::Kind::exists);
  EXPECT_EQ(root_->create_file("folder", 0600).error().kind, Error::Kind::exists);
  ASSERT_TRUE((*root_->open_folder("folder"))->create_file("inside", 0600));
  EXPECT_EQ(root_->remove("folder", true).error().kind, Error::Kind::exists) << "not empty";
}

TEST_P(PosixDiskTest, ErrorsNameThePathAndTheReason) {
  EXPECT_EQ(root_->open_file("none", false).error().text, "open " + base_ + "/none: No such file or directory");
}

TEST_P(PosixDiskTest, RenameReplacesOnlyWhenAsked) {
  std::ofstream{base_ + "/a"} << "a";
  ASSERT_TRUE(root_->make_folder("folder", 0700));
  auto folder = *root_->open_folder("folder");
  std::ofstream{base_ + "/folder/b"} << "b";
  EXPECT_EQ(root_->rename("a", *folder, "b", false).error().kind, Error::Kind::exists);
  EXPECT_EQ(contents(base_ + "/folder/b"), "b");
  EXPECT_TRUE(root_->rename("a", *folder, "c", false));
  EXPECT_TRUE(folder->rename("c", *folder, "b", true));
  EXPECT_EQ(contents(base_ + "/folder/b"), "a");
  EXPECT_FALSE(fs::exists(base_ + "/a"));
  EXPECT_TRUE(folder->sync());
}

TEST_P(PosixDiskTest, ModesAreThoseAskedForWhateverTheUmask) {
  const auto before = ::umask(0077);
  EXPECT_TRUE(root_->create_file("shared", 0640));
  EXPECT_TRUE(root_->make_folder("shared_folder", 02750));
  auto made = disk_.make_root(base_ + "/x/y", 0710);
  ::umask(before);
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(root_->facts("shared")->mode, 0640U);
  EXPECT_EQ(root_->facts("shared_folder")->mode, 02750U);
  EXPECT_EQ(root_->facts("x")->mode, 0755U);
  EXPECT_EQ((*made)->facts()->mode, 0710U);
}

TEST_P(PosixDiskTest, FactsAndListsTellWhatIsThere) {
  std::ofstream{base_ + "/file"} << "12345";
  fs::create_directory(base_ + "/folder");
  fs::create_symlink("file", base_ + "/link");
  ASSERT_EQ(::mkfifo((base_ + "/pipe").c_str(), 0600), 0);
  std::set<std::pair<std::string, EntryType>> seen;
  for (const auto& entry : *root_->list()) seen.emplace(entry.name, entry.type);
  const std::set<std::pair<std::string, EntryType>> expected{
      {"file", EntryType::file}, {"folder", EntryType::folder}, {"link", EntryType::link}, {"pipe", EntryType::other}};
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(root_->list()->size(), 4U) << "a second list starts anew";
  const auto facts = *root_->facts("file");
  EXPECT_EQ(facts.size, 5U);
  EXPECT_EQ(facts.user, ::getuid());
  EXPECT_EQ(facts.links, 1U);
  EXPECT_GT(facts.modified_ns, 1'700'000'000'000'000'000);
  EXPECT_EQ(root_->facts()->type, EntryType::folder);
}

TEST_P(PosixDiskTest, ALockExcludesThreadsAndProcesses) {
  auto held = root_->lock("lock");
  ASSERT_TRUE(held) << held.error().text;
  EXPECT_EQ(root_->lock("lock").error().kind, Error::Kind::in_use);
  const auto other_process = [this] {
    const auto child = ::fork();
    if (child == 0) {
      const int file = ::open((base_ + "/lock").c_str(), O_RDWR | O_CLOEXEC);
      ::_exit(::lockf(file, F_TLOCK, 0) == 0 ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 0;
  };
  EXPECT_FALSE(other_process()) << "lockf(3) of another process sees it";
  held->reset();
  EXPECT_TRUE(other_process());
  EXPECT_TRUE(root_->lock("lock"));
}

TEST_P(PosixDiskTest, WaitingForALockHasALimitAndEndsWhenItIsFree) {
  auto held = root_->lock("lock").value();
  EXPECT_EQ(root_->lock("lock", std::chrono::milliseconds{1}).error().kind, Error::Kind::in_use);
  std::latch waits{1};
  std::thread other{[this, &waits] {
    waits.count_down();
    EXPECT_TRUE(root_->lock("lock", std::chrono::minutes{1}));
  }};
  waits.wait();
  held.reset();
  other.join();
}

TEST_P(PosixDiskTest, RootsAreMadeWithTheirParentsAndMayBeReachedByLinks) {
  auto deep = disk_.make_root(base_ + "/one//two/three/", 0700);
  ASSERT_TRUE(deep) << deep.error().text;
  EXPECT_TRUE(disk_.make_root(base_ + "/one/two/three", 0700)) << "it is there already";
  fs::create_symlink("one/two", base_ + "/short");
  EXPECT_TRUE(disk_.open_root(base_ + "/short/three"));
  EXPECT_TRUE(disk_.make_root(base_ + "/short/four", 0700));
  EXPECT_TRUE(fs::is_directory(base_ + "/one/two/four"));
  EXPECT_EQ(disk_.open_root(base_ + "/none").error().kind, Error::Kind::not_found);
  std::ofstream{base_ + "/file"};
  EXPECT_EQ(disk_.open_root(base_ + "/file").error().kind, Error::Kind::invalid);
  EXPECT_EQ(disk_.make_root(base_ + "/file/x", 0700).error().kind, Error::Kind::invalid);
}

/// As a service manager does (RestrictSUIDSGID): whoever asks for a set-group-id bit is refused, whether the folder is there or not.
bool forbid_set_id_bits() {
  auto* const filter = ::seccomp_init(SCMP_ACT_ALLOW);
  const scmp_arg_cmp mode{.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = S_ISGID, .datum_b = S_ISGID};
  const bool done = ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mkdirat), 1, &mode) == 0 &&
                    ::seccomp_load(filter) == 0;
  ::seccomp_release(filter);
  return done;
}

TEST_P(PosixDiskTest, ARootWithSetIdBitsIsOpenedWhereNobodyMayAskForThem) {
  ASSERT_TRUE(disk_.make_root(base_ + "/drop", 03777));
  const auto child = ::fork();
  if (child == 0) ::_exit(!forbid_set_id_bits() ? 2 : disk_.make_root(base_ + "/drop", 03777) ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(fs::status(base_ + "/drop").permissions(), static_cast<fs::perms>(03777));
}

TEST_P(PosixDiskTest, FreeSpaceIsPlausible) {
  const auto space = *root_->free_space();
  EXPECT_GT(space.octets, 0U);
  EXPECT_GE(space.total_octets, space.octets);
  EXPECT_GT(space.inodes, 0U);
}

// A short write is what a full disk gives first; a limit on the file's size gives it without one.
TEST_P(PosixDiskTest, AWriteThatDoesNotFitIsNoSpace) {
  auto file = *root_->create_file("a", 0600);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1'000, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto written = file->write_at(0, std::string(4'000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_action);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::no_space);
  EXPECT_EQ(*file->size(), 1'000U) << "part of it may be there";
}

}  // namespace
}  // namespace posthorn::system
