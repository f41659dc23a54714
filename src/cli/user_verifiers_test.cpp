#include "cli/user_verifiers.hpp"

#include "store/text_file.hpp"
#include "support/temporary_folder.hpp"
#include "system/password_hash.hpp"
#include "system/posix_disk.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::cli {
namespace {

Secret hash_of(const char* password, system::HashScheme scheme = system::HashScheme::scram_sha_256) {
  return *system::hash_password(Secret(std::string(password)), scheme);
}

class Verifiers : public ::testing::Test {
 protected:
  posthorn::testing::TemporaryFolder folder;
  std::string path = folder.path("users");
  system::PosixDisk disk;
  UserVerifiers book{{path, {"example.org"}}, {1, 2}, [this] {
                       const auto file = store::read_text_file(disk, path, 1 << 20);
                       if (file) book.replace(file->text, {path, {"example.org"}});
                     }};

  void write(const std::string& text) {
    ASSERT_TRUE(store::change_text_file(disk, path, {.limit = 1 << 20}, [&](std::string_view) { return text; }));
  }
};

TEST_F(Verifiers, FindsUsersByNameAndAddress) {
  write("alice:" + std::string(hash_of("sesame").reveal()) + "\nbob@example.org:{PLAIN}x\n");
  for (const auto* name : {"alice", "ALICE", "alice@example.org"}) {
    const auto entry = book.find(name, true);
    EXPECT_FALSE(entry.is_stand_in) << name;
    EXPECT_EQ(entry.user, "alice") << name;
  }
  EXPECT_EQ(book.find("bob@example.org", false).user, "bob@example.org");
  for (const auto* name : {"bob", "alice@example.net", "carol", "", "a b"}) {
    EXPECT_TRUE(book.find(name, false).is_stand_in) << name;
  }
}

TEST_F(Verifiers, AChangedFileCountsAtOnce) {
  EXPECT_FALSE(book.has_scram());
  EXPECT_TRUE(book.find("alice", false).is_stand_in);
  write("alice:{PLAIN}one\n");
  EXPECT_EQ(book.find("alice", false).hash.reveal(), "{PLAIN}one");
  EXPECT_FALSE(book.has_scram());
  write("alice:" + std::string(hash_of("two").reveal()) + "\n");
  EXPECT_TRUE(book.has_scram());
  EXPECT_TRUE(system::is_password_of(book.find("alice", false).hash, Secret("two")));
}

TEST_F(Verifiers, AStandInStaysTheSameAndCostsTheSame) {
  write(
      "alice:{SCRAM-SHA-256}5000,QUJDREVGR0g=,hn4FUIkYt7Fy4b6A2QilBRpntUViQLMX9F3hmowbDlg=,"
      "VN7TGXR2mKZKoVdTp1SdRWBKnlXaYulCWS/O1xCfZeI=\n");
  const auto one = book.find("nobody", true);
  const auto verifier = system::scram_verifier_of(one.hash);
  ASSERT_TRUE(verifier);
  EXPECT_EQ(verifier->iterations, 5'000U);
  EXPECT_EQ(verifier->salt.size(), 8U);
  EXPECT_EQ(book.find("nobody", true).hash.reveal(), one.hash.reveal());
  EXPECT_NE(book.find("somebody", true).hash.reveal(), one.hash.reveal());
  const auto plain = book.find("nobody", false);
  EXPECT_TRUE(plain.is_stand_in);
  EXPECT_EQ(plain.hash.reveal(), book.find("alice", false).hash.reveal());
}

TEST_F(Verifiers, WithoutUsersThereIsStillSomethingToDo) {
  const auto entry = book.find("alice", false);
  EXPECT_TRUE(entry.is_stand_in);
  EXPECT_TRUE(system::is_usable_hash(entry.hash));
}

TEST_F(Verifiers, AUserWithAnotherKindOfHashIsAStandInForScram) {
  write("alice:{PLAIN}sesame\nbob:" + std::string(hash_of("x").reveal()) + "\n");
  EXPECT_TRUE(book.find("alice", true).is_stand_in);
  EXPECT_FALSE(book.find("alice", false).is_stand_in);
}

}  // namespace
}  // namespace posthorn::cli
