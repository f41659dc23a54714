// Many deliverers at once on the real disk: threads and processes into one mailbox, while a reader takes mail away, while a
// folder is replaced by a link. Nothing is lost, doubled or misplaced.
#include "store/maildir.hpp"
#include "store/mbox.hpp"
#include "store/numbered.hpp"
#include "support/mailbox_rig.hpp"
#include "system/posix_disk.hpp"
#include "system/posix_shared_files.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <thread>

namespace posthorn {
namespace {

namespace fs = std::filesystem;

constexpr int processes = 3;
constexpr int threads = 3;
constexpr int batches = 6;
constexpr int batch = 3;
constexpr int mails = processes * threads * batches * batch;

class MailboxesTest : public ::testing::Test {
 protected:
  MailboxesTest() {
    std::string pattern = fs::temp_directory_path() / "posthorn-mailboxes-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~MailboxesTest() override { fs::remove_all(root_); }

  [[nodiscard]] store::MailboxSettings settings() const {
    return {.root = root_.string(), .account = {::geteuid(), ::getegid()}};
  }
  [[nodiscard]] fs::path mailbox() const { return root_ / "alice"; }

  /// What one thread of one process does. False: a mail was not taken.
  template <class Format>
  [[nodiscard]] bool deliver(int first) const {
    system::PosixDisk disk;
    system::PosixSharedFiles files;
    Format format{disk, files, settings()};
    for (int i = 0; i < batches; ++i) {
      const auto box = format.open({mail::UserName::parse("alice").value()});
      if (!box) return false;
      const int number = first + i * batch;
      if (testing::deliver_batch(**box, {number, number + 1, number + 2}, false).size() != batch) return false;
    }
    return true;
  }

  template <class Format>
  [[nodiscard]] int deliver_with_threads(int process) const {
    std::atomic<int> failed = 0;
    std::vector<std::thread> crew;
    for (int i = 0; i < threads; ++i) {
      const int first = (process * threads + i) * batches * batch;
      crew.emplace_back([this, first, &failed] { failed += deliver<Format>(first) ? 0 : 1; });
    }
    for (auto& thread : crew) thread.join();
    return failed;
  }

  /// Everything, by several processes at once; `meanwhile` runs here, again and again, until they have ended.
  template <class Format, class Meanwhile>
  void deliver_everything(Meanwhile meanwhile) const {
    std::vector<pid_t> children;
    for (int i = 0; i < processes; ++i) {
      const auto child = ::fork();
      if (child == 0) ::_exit(deliver_with_threads<Format>(i));
      children.push_back(child);
    }
    for (const auto child : children) {
      int status = 0;
      while (::waitpid(child, &status, WNOHANG) == 0) meanwhile();
      EXPECT_TRUE(WIFEXITED(status));
      EXPECT_EQ(WEXITSTATUS(status), 0) << "threads whose mail was not taken";
    }
  }

  static std::string read(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }

  static std::multiset<std::string> wanted() {
    std::multiset<std::string> texts;
    for (int number = 0; number < mails; ++number) texts.insert(testing::stored_text(number));
    return texts;
  }

  fs::path root_;
};

TEST_F(MailboxesTest, NumbersHaveNoGapWhileProcessesAndThreadsDeliver) {
  deliver_everything<store::NumberedFormat>([] {});
  std::multiset<std::string> found;
  for (int number = 1; number <= mails; ++number) {
    found.insert(read(mailbox() / (std::to_string(number) + ".txt")));
    EXPECT_TRUE(fs::exists(mailbox() / (std::to_string(number) + ".status"))) << number;
  }
  EXPECT_EQ(found, wanted());
  EXPECT_EQ(std::distance(fs::directory_iterator{mailbox()}, {}), 2 * mails + 2) << "and .lock and .last, nothing else";
}

/// A reader that takes mail away under the lock, as docs/mailbox_formats.md asks for.
TEST_F(MailboxesTest, NoNumberIsGivenTwiceWhileAReaderRemovesMail) {
  system::PosixDisk disk;
  std::map<std::string, std::string> taken;
  const auto take_away = [&] {
    const auto box = disk.open_root(mailbox());
    if (!box) return;
    const auto lock = (*box)->lock(".lock", std::chrono::seconds{20});
    if (!lock) return;
    for (const auto& entry : (*box)->list().value()) {
      if (!entry.name.ends_with(".txt")) continue;
      const auto text = read(mailbox() / entry.name);
      EXPECT_TRUE(taken.emplace(entry.name, text).second) << entry.name << " was given twice";
      EXPECT_TRUE((*box)->remove(entry.name));
      EXPECT_TRUE((*box)->remove(entry.name.substr(0, entry.name.size() - 4) + ".status"));
    }
  };
  deliver_everything<store::NumberedFormat>(take_away);
  take_away();
  std::multiset<std::string> found;
  for (const auto& [name, text] : taken) found.insert(text);
  EXPECT_EQ(found, wanted());
  EXPECT_TRUE(taken.contains("1.txt"));
  EXPECT_TRUE(taken.contains(std::to_string(mails) + ".txt"));
}

TEST_F(MailboxesTest, MaildirTakesEverythingWhileAReaderMovesIt) {
  const auto new_folder = mailbox() / "new";
  const auto read_mail = [&] {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator{new_folder, none}) {
      fs::rename(entry.path(), mailbox() / "cur" / (entry.path().filename().string() + ":2,S"), none);
    }
  };
  deliver_everything<store::MaildirFormat>(read_mail);
  std::multiset<std::string> found;
  for (const auto* folder : {"new", "cur"}) {
    for (const auto& entry : fs::directory_iterator{mailbox() / folder}) found.insert(read(entry.path()));
  }
  EXPECT_EQ(found, wanted());
  EXPECT_TRUE(fs::is_empty(mailbox() / "tmp"));
}

/// Each behind the other, whole.
TEST_F(MailboxesTest, AnMboxTakesEverythingFromProcessesAndThreads) {
  deliver_everything<store::MboxFormat>([] {});
  const auto text = read(mailbox() / "mbox");
  std::size_t octets = 0;
  for (const auto& wanted_text : wanted()) {
    const auto entry = "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n" + wanted_text + "\n";
    EXPECT_NE(text.find(entry), std::string::npos);
    octets += entry.size();
  }
  EXPECT_EQ(text.size(), octets) << "and nothing else";
  EXPECT_EQ(std::distance(fs::directory_iterator{mailbox()}, {}), 1) << "no lock and no part is left";
}

TEST_F(MailboxesTest, NumbersAndAnMboxAreNotLedElsewhereEither) {
  const auto victim = root_ / "victim";
  fs::create_directories(victim);
  const auto swap = [&] {
    std::error_code none;
    fs::rename(mailbox(), root_ / "aside", none);
    fs::create_directory_symlink(victim, mailbox(), none);
    fs::remove(mailbox(), none);
    fs::rename(root_ / "aside", mailbox(), none);
  };
  std::thread attacker{[&] {
    for (int i = 0; i < 300; ++i) swap();
  }};
  static_cast<void>(deliver_with_threads<store::NumberedFormat>(0));
  static_cast<void>(deliver_with_threads<store::MboxFormat>(0));
  attacker.join();
  EXPECT_TRUE(fs::is_empty(victim));
}

TEST_F(MailboxesTest, AMailboxThatTurnsIntoALinkWhileDeliveringLeadsNowhereElse) {
  const auto victim = root_ / "victim";
  fs::create_directories(victim / "new");
  fs::create_directories(victim / "cur");
  fs::create_directories(victim / "tmp");
  const auto swap = [&] {
    std::error_code none;
    fs::rename(mailbox(), root_ / "aside", none);
    fs::create_directory_symlink(victim, mailbox(), none);
    fs::remove(mailbox(), none);
    fs::rename(root_ / "aside", mailbox(), none);
  };
  std::thread attacker{[&] {
    for (int i = 0; i < 300; ++i) swap();
  }};
  static_cast<void>(deliver_with_threads<store::MaildirFormat>(0));
  attacker.join();
  for (const auto* folder : {"new", "cur", "tmp"}) EXPECT_TRUE(fs::is_empty(victim / folder)) << folder;
}

}  // namespace
}  // namespace posthorn
