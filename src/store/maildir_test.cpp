// Delivery into Maildir on the simulated disk: the files, their rights, repeats, faults.
#include "store/maildir.hpp"
#include "sim/disk.hpp"
#include "sim/shared_files.hpp"

#include <gtest/gtest.h>

#include <array>
#include <ostream>

namespace posthorn::store {
namespace {

using Tree = std::vector<std::string>;

constexpr std::string_view text = "Subject: hi\r\n\r\nhello\r\n";
constexpr std::string_view stored = "Return-Path: <a@b.example>\nSubject: hi\n\nhello\n";

class MaildirTest : public ::testing::Test {
 protected:
  MaildirTest() { use_disk(1); }

  void use_disk(std::uint64_t seed) {
    disk = std::make_unique<sim::Disk>(sim::DiskSettings{.seed = seed});
    EXPECT_TRUE(disk->make_root("/mail", 0755));
    format = std::make_unique<MaildirFormat>(*disk, files, MailboxSettings{.root = "/mail", .account = {1000, 1000}});
  }

  [[nodiscard]] MailboxTarget target() const { return {mail::UserName::parse("alice").value()}; }
  [[nodiscard]] static IncomingMail mail(std::string name, bool may_be_repeat = false) {
    return {.name = std::move(name),
            .id = MessageId{1},
            .sender = std::nullopt,
            .arrival = {},
            .head = "Return-Path: <a@b.example>\r\n",
            .may_be_repeat = may_be_repeat};
  }

  /// The whole transaction for several messages.
  std::vector<Result<>> deliver(std::vector<IncomingMail> mails) {
    auto mailbox = format->open(target());
    if (!mailbox) return {failure(mailbox.error())};
    std::vector<std::unique_ptr<PendingMail>> pending;
    std::vector<PendingMail*> finished;
    for (auto& one : mails) {
      auto staged = (*mailbox)->stage(std::move(one));
      if (!staged) return {failure(staged.error())};
      if (auto put = (*staged)->append(text); !put) return {put};
      if (auto done = (*staged)->finish(); !done) return {done};
      finished.push_back(staged->get());
      pending.push_back(std::move(*staged));
    }
    return (*mailbox)->publish(finished);
  }
  Result<> deliver(IncomingMail mail) {
    std::vector<IncomingMail> mails;
    mails.push_back(std::move(mail));
    return deliver(std::move(mails)).front();
  }

  std::unique_ptr<sim::Disk> disk;
  sim::SharedFiles files;
  std::unique_ptr<MaildirFormat> format;
};

TEST_F(MaildirTest, MakesTheFoldersAndPutsTheMailIntoNew) {
  ASSERT_TRUE(deliver(mail("1.M1P1Q1.host")));
  EXPECT_EQ(disk->tree("/mail"), (Tree{"/mail/alice/", "/mail/alice/cur/", "/mail/alice/new/",
                                       "/mail/alice/new/1.M1P1Q1.host", "/mail/alice/tmp/"}));
  EXPECT_EQ(disk->contents("/mail/alice/new/1.M1P1Q1.host"), stored);
  auto root = disk->open_root("/mail/alice").value();
  EXPECT_EQ(root->facts().value().mode, 0700U);
  EXPECT_EQ(root->facts("new").value().mode, 0700U);
  EXPECT_EQ(root->open_folder("new").value()->facts("1.M1P1Q1.host").value().mode, 0600U);
}

TEST_F(MaildirTest, WhatWasPublishedSurvivesAPowerCut) {
  ASSERT_TRUE(deliver(mail("a")));
  sim::LoseAll nothing_else;
  EXPECT_EQ(disk->after_power_cut(nothing_else)->contents("/mail/alice/new/a"), stored);
}

TEST_F(MaildirTest, ABatchSyncsItsFolderOnce) {
  ASSERT_TRUE(deliver(mail("first")));
  int syncs = 0;
  disk->on_operation(
      [&syncs](const sim::DiskEvent& event) { syncs += event.operation == sim::DiskOperation::sync_folder; });
  for (const auto& result : deliver({mail("a"), mail("b"), mail("c")})) EXPECT_TRUE(result);
  EXPECT_EQ(syncs, 1);
  EXPECT_EQ(disk->tree("/mail/alice/new").size(), 4U);
}

TEST_F(MaildirTest, ALongTextIsWrittenInPieces) {
  auto mailbox = format->open(target()).value();
  auto staged = mailbox->stage(mail("a")).value();
  const std::string line = std::string(98, 'x') + "\r\n";
  for (int i = 0; i < 5'000; ++i) ASSERT_TRUE(staged->append(line));
  ASSERT_TRUE(staged->finish());
  std::array<PendingMail*, 1> one{staged.get()};
  EXPECT_EQ(as_files(one).front()->octets(), 27U + 5'000 * 99U);
  ASSERT_TRUE(mailbox->publish(one).front());
  EXPECT_EQ(disk->contents("/mail/alice/new/a")->size(), 27U + 5'000 * 99U);
}

TEST_F(MaildirTest, ADroppedMailLeavesNothing) {
  auto mailbox = format->open(target()).value();
  auto staged = mailbox->stage(mail("a")).value();
  ASSERT_TRUE(staged->append(text));
  EXPECT_EQ(disk->tree("/mail/alice/tmp"), Tree{"/mail/alice/tmp/a"});
  staged.reset();
  EXPECT_EQ(disk->tree("/mail/alice/tmp"), Tree{});
}

TEST_F(MaildirTest, ALeftoverInTmpIsReplacedAndNotWrittenOver) {
  ASSERT_TRUE(deliver(mail("first")));
  ASSERT_TRUE(disk->plant_file("/elsewhere", "precious"));
  ASSERT_TRUE(disk->plant_hard_link("/mail/alice/tmp/a", "/elsewhere"));
  ASSERT_TRUE(deliver(mail("a")));
  EXPECT_EQ(disk->contents("/mail/alice/new/a"), stored);
  EXPECT_EQ(disk->contents("/elsewhere"), "precious");
}

// ---- repeats ----

TEST_F(MaildirTest, ARepeatFindsItselfInNew) {
  ASSERT_TRUE(deliver(mail("a")));
  ASSERT_TRUE(deliver(mail("a", true)));
  EXPECT_EQ(disk->tree("/mail/alice/new"), Tree{"/mail/alice/new/a"});
  EXPECT_EQ(disk->tree("/mail/alice/tmp"), Tree{});
}

TEST_F(MaildirTest, ARepeatFindsItselfInCurWithFlags) {
  for (const auto* flags : {":2,", ":2,RS", ",S=44:2,FS", ""}) {
    ASSERT_TRUE(deliver(mail("a")));
    const auto read = std::string("/mail/alice/cur/a") + flags;
    ASSERT_TRUE(disk->move("/mail/alice/new/a", read));
    ASSERT_TRUE(deliver(mail("a", true)));
    EXPECT_EQ(disk->tree("/mail/alice/new"), Tree{}) << flags;
    EXPECT_EQ(disk->tree("/mail/alice/tmp"), Tree{}) << flags;
    ASSERT_TRUE(disk->erase(read));
  }
}

TEST_F(MaildirTest, ARepeatIsNotMistakenForALongerName) {
  ASSERT_TRUE(deliver(mail("ab")));
  ASSERT_TRUE(disk->move("/mail/alice/new/ab", "/mail/alice/cur/ab:2,S"));
  ASSERT_TRUE(deliver(mail("a", true)));
  EXPECT_EQ(disk->tree("/mail/alice/new"), Tree{"/mail/alice/new/a"});
}

TEST_F(MaildirTest, CurIsNotReadWithoutNeed) {
  bool listed = false;
  disk->on_operation([&listed](const sim::DiskEvent& event) { listed |= event.operation == sim::DiskOperation::list; });
  ASSERT_TRUE(deliver(mail("a")));
  EXPECT_FALSE(listed);
}

TEST_F(MaildirTest, ARepeatAfterAFailedFolderSyncIsDurable) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    use_disk(seed);
    disk->plan({.operation = sim::DiskOperation::sync_folder, .path = "/new"});
    EXPECT_FALSE(deliver(mail("a")));
    EXPECT_EQ(disk->contents("/mail/alice/new/a"), stored) << "it is visible, but nobody knows for how long";
    EXPECT_TRUE(deliver(mail("a", true)));
    sim::LoseAll nothing_else;
    EXPECT_EQ(disk->after_power_cut(nothing_else)->contents("/mail/alice/new/a"), stored) << seed;
  }
}

TEST_F(MaildirTest, ANameGivenTwiceLosesNoMail) {
  ASSERT_TRUE(deliver(mail("a")));
  EXPECT_TRUE(deliver(mail("a"))) << "the same message, not said to be a repeat";
  EXPECT_EQ(disk->tree("/mail/alice/new").size(), 1U);
  ASSERT_TRUE(disk->erase("/mail/alice/new/a"));
  ASSERT_TRUE(disk->plant_file("/mail/alice/new/a", "another message"));
  const auto result = deliver(mail("a"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Error::Kind::exists);
  EXPECT_NE(result.error().text.find("/mail/alice/new/a"), std::string::npos) << result.error().text;
  EXPECT_EQ(disk->contents("/mail/alice/new/a"), "another message");
}

// ---- links, owners, rights ----

struct AttackRow {
  std::string name;
  std::string what;
  Error::Kind kind;

  friend void PrintTo(const AttackRow& row, std::ostream* out) { *out << row.name; }
};

class MaildirAttackTest : public MaildirTest, public ::testing::WithParamInterface<AttackRow> {
 protected:
  void attack(const std::string& what) {
    const auto with_mailbox = [this] { ASSERT_TRUE(deliver(mail("first"))); };
    ASSERT_TRUE(disk->plant_folder("/victim"));
    if (what == "user folder is a link") ASSERT_TRUE(disk->plant_link("/mail/alice", "/victim"));
    if (what == "user folder is a file") ASSERT_TRUE(disk->plant_file("/mail/alice", ""));
    for (const std::string folder : {"tmp", "new", "cur"}) {
      if (what != folder + " is a link" && what != folder + " is another's") continue;
      with_mailbox();
      const auto path = "/mail/alice/" + folder;
      if (what.ends_with("link")) {
        ASSERT_TRUE(disk->erase(path));
        ASSERT_TRUE(disk->plant_link(path, "/victim"));
      } else {
        ASSERT_TRUE(disk->change_owner(path, 1001, 1001));
        ASSERT_TRUE(disk->change_mode(path, 0777 & ~0002U));
      }
    }
    if (what == "user folder is another's") {
      with_mailbox();
      ASSERT_TRUE(disk->change_mode("/mail/alice", 0711));
      ASSERT_TRUE(disk->change_owner("/mail/alice", 1001, 1001));
    }
    if (what == "anybody may write") {
      with_mailbox();
      ASSERT_TRUE(disk->change_mode("/mail/alice", 0707));
    }
    if (what == "the root is not there") ASSERT_TRUE(disk->erase("/mail"));
    if (what == "the root may not be written") ASSERT_TRUE(disk->change_mode("/mail", 0555));
  }
};

TEST_P(MaildirAttackTest, FailsSafelyAndNamesTheFolder) {
  attack(GetParam().what);
  const auto result = deliver(mail("a"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, GetParam().kind) << result.error().text;
  EXPECT_NE(result.error().text.find("/mail"), std::string::npos) << result.error().text;
  EXPECT_EQ(disk->tree("/victim"), Tree{});
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MaildirAttackTest,
    ::testing::Values(AttackRow{"UserIsALink", "user folder is a link", Error::Kind::is_link},
                      AttackRow{"UserIsAFile", "user folder is a file", Error::Kind::invalid},
                      AttackRow{"TmpIsALink", "tmp is a link", Error::Kind::is_link},
                      AttackRow{"NewIsALink", "new is a link", Error::Kind::is_link},
                      AttackRow{"CurIsALink", "cur is a link", Error::Kind::is_link},
                      AttackRow{"UserIsAnothers", "user folder is another's", Error::Kind::not_permitted},
                      AttackRow{"NewIsAnothers", "new is another's", Error::Kind::not_permitted},
                      AttackRow{"AnybodyMayWrite", "anybody may write", Error::Kind::not_permitted},
                      AttackRow{"NoRoot", "the root is not there", Error::Kind::not_found},
                      AttackRow{"RootReadOnly", "the root may not be written", Error::Kind::not_permitted}),
    [](const auto& row) { return row.param.name; });

TEST_F(MaildirTest, ForSystemUsersEverythingIsGivenToThem) {
  disk->set_account(0, 0);
  MaildirFormat as_root{*disk, files, {.root = "/mail", .account = {0, 0}}};
  auto mailbox = as_root.open({mail::UserName::parse("bob").value(), MailboxOwner{2000, 100}}).value();
  auto staged = mailbox->stage(mail("a")).value();
  ASSERT_TRUE(staged->finish());
  std::array<PendingMail*, 1> one{staged.get()};
  ASSERT_TRUE(mailbox->publish(one).front());
  auto root = disk->open_root("/mail/bob").value();
  EXPECT_EQ(root->facts().value().user, 2000U);
  EXPECT_EQ(root->facts("tmp").value().group, 100U);
  EXPECT_EQ(root->open_folder("new").value()->facts("a").value().user, 2000U);
  EXPECT_FALSE(as_root.open({mail::UserName::parse("bob").value(), MailboxOwner{2001, 100}})) << "bob's is not carol's";
}

// ---- faults ----

struct FaultRow {
  std::string name;
  sim::DiskFault fault;

  friend void PrintTo(const FaultRow& row, std::ostream* out) { *out << row.name; }
};

class MaildirFaultTest : public MaildirTest, public ::testing::WithParamInterface<FaultRow> {};

TEST_P(MaildirFaultTest, IsReportedLeavesNoPartAndTheNextAttemptDelivers) {
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    use_disk(seed);
    disk->plan(GetParam().fault);
    const auto result = deliver(mail("a"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, GetParam().fault.error) << result.error().text;
    EXPECT_EQ(disk->tree("/mail/alice/tmp"), Tree{});
    ASSERT_TRUE(deliver(mail("a", true)));
    EXPECT_EQ(disk->contents("/mail/alice/new/a"), stored);
    sim::LoseAll nothing_else;
    EXPECT_EQ(disk->after_power_cut(nothing_else)->contents("/mail/alice/new/a"), stored) << "seed " << seed;
  }
}

using sim::DiskOperation;
INSTANTIATE_TEST_SUITE_P(
    Rows, MaildirFaultTest,
    ::testing::Values(
        FaultRow{"NoFolder", {.operation = DiskOperation::make_folder, .error = Error::Kind::no_space}},
        FaultRow{"NoNew", {.operation = DiskOperation::make_folder, .error = Error::Kind::no_space, .path = "new"}},
        FaultRow{"FolderSync", {.operation = DiskOperation::sync_folder, .path = "/mail/alice"}},
        FaultRow{"RootSync", {.operation = DiskOperation::sync_folder, .skip = 1, .path = "/mail"}},
        FaultRow{"Create", {.operation = DiskOperation::create_file, .error = Error::Kind::no_space}},
        FaultRow{"Write", {.operation = DiskOperation::write, .error = Error::Kind::no_space}},
        FaultRow{"Sync", {.operation = DiskOperation::sync_data}},
        FaultRow{"Close", {.operation = DiskOperation::close}},
        FaultRow{"Rename", {.operation = DiskOperation::rename}},
        FaultRow{"NewSync", {.operation = DiskOperation::sync_folder, .path = "/new"}},
        FaultRow{"TooManyFiles", {.operation = DiskOperation::open_folder, .error = Error::Kind::too_many_files}}),
    [](const auto& row) { return row.param.name; });

TEST_F(MaildirTest, AFullDiskLeavesNoPartFile) {
  ASSERT_TRUE(deliver(mail("first")));
  disk->set_capacity(disk->used_octets());
  const auto result = deliver(mail("a"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Error::Kind::no_space);
  EXPECT_EQ(disk->tree("/mail/alice/tmp"), Tree{});
  EXPECT_EQ(disk->tree("/mail/alice/new").size(), 1U);
}

TEST_F(MaildirTest, OneBadRenameDefersOneMail) {
  disk->plan({.operation = DiskOperation::rename, .path = "tmp/b"});
  const auto results = deliver({mail("a"), mail("b"), mail("c")});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_TRUE(results[0]);
  EXPECT_FALSE(results[1]);
  EXPECT_TRUE(results[2]);
  EXPECT_EQ(disk->tree("/mail/alice/new").size(), 2U);
}

}  // namespace
}  // namespace posthorn::store
