// Shared files on the real disk: what is added at the same moment by several writers, locks, dot-locks and who is gone.
#include "system/posix_shared_files.hpp"
#include "support/temporary_folder.hpp"
#include "system/posix_disk.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace posthorn::system {
namespace {

constexpr Duration at_once{};
constexpr std::string_view mark = "posthorn\n";

class SharedFilesTest : public ::testing::Test {
 protected:
  SharedFilesTest() : folder(disk.open_root(place.path(".")).value()) {}

  void write(const std::string& name, std::string_view text) const { std::ofstream{place.path(name)} << text; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream{place.path(name), std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }
  [[nodiscard]] Error::Kind refusal(const std::string& name) { return files.open(*folder, name).error().kind; }

  testing::TemporaryFolder place;
  PosixDisk disk;
  PosixSharedFiles files;
  std::unique_ptr<world::Folder> folder;
};

TEST_F(SharedFilesTest, WhatSeveralAddIsAllThere) {
  write("sums", "");
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([this] {
      const auto file = files.open(*folder, "sums").value();
      for (int line = 0; line < 100; ++line) EXPECT_TRUE(file->append("1234567 1\n"));
    });
  }
  for (auto& writer : writers) writer.join();
  const auto text = read("sums");
  EXPECT_EQ(text.size(), 4000U);
  for (std::size_t at = 0; at < text.size(); at += 10) ASSERT_EQ(text.substr(at, 10), "1234567 1\n");
}

TEST_F(SharedFilesTest, WritingAtAPositionDoesNotAdd) {
  write("mbox", "0123456789");
  const auto file = files.open(*folder, "mbox").value();
  EXPECT_TRUE(file->append("x"));
  EXPECT_TRUE(file->write_at(2, "ab"));
  EXPECT_EQ(read("mbox"), "01ab456789x");
}

TEST_F(SharedFilesTest, OnlyARegularFileIsOpenedAndItsNamesAreCounted) {
  EXPECT_EQ(refusal("nothing"), Error::Kind::not_found);
  write("victim", "precious");
  std::filesystem::create_symlink("victim", place.path("link"));
  EXPECT_EQ(refusal("link"), Error::Kind::is_link);
  std::filesystem::create_directory(place.path("folder"));
  EXPECT_FALSE(files.open(*folder, "folder"));
  std::filesystem::create_hard_link(place.path("victim"), place.path("twice"));
  EXPECT_EQ(files.open(*folder, "twice").value()->facts().value().links, 2U);
}

TEST_F(SharedFilesTest, OneHoldsTheLockUntilItIsClosed) {
  write("mbox", "");
  auto first = files.open(*folder, "mbox").value();
  const auto second = files.open(*folder, "mbox").value();
  EXPECT_TRUE(first->lock(at_once));
  EXPECT_EQ(second->lock(std::chrono::milliseconds{30}).error().kind, Error::Kind::in_use);
  EXPECT_FALSE(folder->lock("mbox"));
  first.reset();
  EXPECT_TRUE(second->lock(at_once));
}

TEST_F(SharedFilesTest, ADotLockIsHeldByOneAndGoesWithIt) {
  auto lock = files.dot_lock(*folder, "mbox.lock", mark, at_once).value();
  EXPECT_EQ(read("mbox.lock"), mark);
  EXPECT_EQ(files.dot_lock(*folder, "mbox.lock", "4711", at_once).error().kind, Error::Kind::in_use);
  lock.reset();
  EXPECT_FALSE(std::filesystem::exists(place.path("mbox.lock")));
}

TEST_F(SharedFilesTest, ADotLockThatNobodyHoldsAnyMoreIsTakenOver) {
  const auto gone = ::fork();
  if (gone == 0) ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  const auto own = std::to_string(::getpid());
  for (const auto& [text, free] : {std::pair{std::to_string(gone), true},
                                   {std::to_string(gone) + "\n", true},
                                   {own, false},
                                   {"", false},
                                   {"somebody", false},
                                   {std::string(mark), true},
                                   {std::string(9, '\0'), true}}) {
    write("mbox.lock", text);
    EXPECT_EQ(files.dot_lock(*folder, "mbox.lock", mark, at_once).has_value(), free) << text;
  }
  using std::filesystem::file_time_type;
  write("mbox.lock", "");
  std::filesystem::last_write_time(place.path("mbox.lock"), file_time_type::clock::now() - std::chrono::minutes{16});
  EXPECT_TRUE(files.dot_lock(*folder, "mbox.lock", mark, at_once)) << "old";
}

TEST_F(SharedFilesTest, ADotLockThatIsALinkIsLeftAlone) {
  write("victim", "precious");
  std::filesystem::create_symlink("victim", place.path("mbox.lock"));
  EXPECT_FALSE(files.dot_lock(*folder, "mbox.lock", mark, at_once));
  EXPECT_EQ(read("victim"), "precious");
}

}  // namespace
}  // namespace posthorn::system
