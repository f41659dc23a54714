// Quotas: the file's text; what a Maildir with its folders and a numbered mailbox take; that a delivery does not read them.
#include "sim/shared_files.hpp"
#include "store/maildir.hpp"
#include "store/maildir_names.hpp"
#include "store/numbered.hpp"
#include "store/quota_file.hpp"
#include "support/mailbox_rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace posthorn::store {
namespace {

struct TextRow {
  std::string name;
  std::string text;
  std::string meaning;  ///< "limit octets mails entries", or "none"

  friend void PrintTo(const TextRow& row, std::ostream* out) { *out << row.name; }
};

class QuotaFileTest : public ::testing::TestWithParam<TextRow> {};

TEST_P(QuotaFileTest, IsRead) {
  const auto file = parse_quota_file(GetParam().text);
  const auto meaning = file ? std::to_string(file->limit) + " " + std::to_string(file->use.octets) + " " +
                                  std::to_string(file->use.mails) + " " + std::to_string(file->entries)
                            : "none";
  EXPECT_EQ(meaning, GetParam().meaning);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, QuotaFileTest,
    ::testing::Values(
        TextRow{"Ours", "1000S\n400 2\n", "1000 400 2 1"}, TextRow{"Empty", "", "none"},
        TextRow{"Sums", "1000S,10C\n400 2\n100 1\n-50 -1\n", "1000 450 2 3"},
        TextRow{"CountFirst", "10C,1000S\n0 0\n", "1000 0 0 1"}, TextRow{"NoLimitOfOctets", "10C\n0 0\n", "0 0 0 1"},
        TextRow{"HeadOnly", "1000S\n", "1000 0 0 0"}, TextRow{"NoEnd", "1000S", "none"},
        TextRow{"LastLineCut", "1000S\n400 2\n10", "1000 400 2 1"}, TextRow{"Negative", "1000S\n-5 -1\n", "1000 0 0 1"},
        TextRow{"Padded", "1000S\n         400      2\n", "1000 400 2 1"}, TextRow{"Rubbish", "1000S\nx y\n", "none"},
        TextRow{"RubbishHead", "xS\n1 1\n", "none"}, TextRow{"Zeros", std::string("1000S\n\0\0\0\0\n", 11), "none"},
        TextRow{"TooMuch", "1S\n9223372036854775807 1\n9223372036854775807 1\n", "1 9223372036854775807 2 2"},
        TextRow{"PastNumbers", "1S\n99999999999999999999 1\n", "none"}),
    [](const auto& row) { return row.param.name; });

TEST(SizeInName, IsThatOfTheMaildirConvention) {
  EXPECT_EQ(size_in_name("1.M1P1.host,S=4096,W=4100:2,S"), 4096U);
  EXPECT_EQ(size_in_name("1.M1P1.host,S=4096"), 4096U);
  EXPECT_EQ(size_in_name("1.M1P1.host:2,S=1"), std::nullopt);
  EXPECT_EQ(size_in_name("1.M1P1.host,S="), std::nullopt);
}

TEST(MaildirFolderName, IsAsImapServersWriteIt) {
  EXPECT_EQ(maildir_folder_name("lists"), ".lists");
  EXPECT_EQ(maildir_folder_name("lists.work"), ".lists.work");
  EXPECT_EQ(maildir_folder_name("a&b"), ".a&-b");
  EXPECT_EQ(maildir_folder_name("Entwürfe"), ".Entw&APw-rfe");
  EXPECT_EQ(maildir_folder_name("台北"), ".&U,BTFw-");
  for (const auto* none : {"", ".", "..", "a..b", ".a", "a.", "a/b", "../x", "a\nb", "INBOX", "\xff"}) {
    EXPECT_EQ(maildir_folder_name(none), std::nullopt) << none;
  }
  EXPECT_EQ(maildir_folder_name(std::string(300, 'x')), std::nullopt);
}

class MailboxQuotaTest : public ::testing::Test {
 protected:
  MailboxQuotaTest() { EXPECT_TRUE(disk.make_root("/mail", 0755)); }

  /// What the mailbox said to each; mail 7 has 624 octets ("Subject: 7\n\n", 607 times x, "\n").
  template <class Format>
  std::vector<Result<>> deliver(std::vector<IncomingMail> mails) {
    Format format{disk, files, {.root = "/mail", .account = {1000, 1000}, .quota = quota}};
    const auto mailbox = format.open({mail::UserName::parse("alice").value()});
    if (!mailbox) return {failure(mailbox.error())};
    std::vector<std::unique_ptr<PendingMail>> pending;
    std::vector<PendingMail*> finished;
    for (auto& mail : mails) {
      auto staged = (*mailbox)->stage(std::move(mail));
      if (!staged) return {failure(staged.error())};
      EXPECT_TRUE((*staged)->append(std::string(99, 'x') + "\r\n"));
      EXPECT_TRUE((*staged)->finish());
      finished.push_back(staged->get());
      pending.push_back(std::move(*staged));
    }
    return (*mailbox)->publish(finished);
  }
  static IncomingMail mail(int number, std::string folder = {}, bool may_be_repeat = false) {
    auto mail = testing::incoming(number, may_be_repeat);
    mail.folder = std::move(folder);
    return mail;
  }
  template <class Format = MaildirFormat>
  Result<> deliver(int number, std::string folder = {}, bool may_be_repeat = false) {
    std::vector<IncomingMail> mails;
    mails.push_back(mail(number, std::move(folder), may_be_repeat));
    return deliver<Format>(std::move(mails)).front();
  }
  [[nodiscard]] std::string size_file() const { return disk.contents("/mail/alice/maildirsize").value_or("(none)"); }
  [[nodiscard]] std::size_t mails_in(const std::string& folder) const {
    return disk.tree("/mail/alice/" + folder).size();
  }
  static bool is_full(const Result<>& result) { return !result && result.error().kind == Error::Kind::over_quota; }

  sim::Disk disk;
  sim::SharedFiles files;
  std::uint64_t quota = 350;  // three mails of 100 octets
};

TEST_F(MailboxQuotaTest, ThreeFitAndTheFourthWaitsUntilThereIsRoom) {
  for (int number = 1; number <= 3; ++number) EXPECT_TRUE(deliver(number));
  EXPECT_EQ(size_file(), "350S\n0 0\n100 1\n100 1\n100 1\n");
  EXPECT_TRUE(is_full(deliver(4)));
  EXPECT_EQ(mails_in("new"), 3U);
  EXPECT_EQ(mails_in("tmp"), 0U) << "no part of it is left";
  ASSERT_TRUE(disk.erase("/mail/alice/new/" + testing::delivery_name(1)));
  EXPECT_TRUE(deliver(4)) << "counted again";
  EXPECT_EQ(size_file(), "350S\n200 2\n100 1\n");
}

TEST_F(MailboxQuotaTest, OfABatchThatMuchComesInAsFits) {
  std::vector<IncomingMail> mails;
  for (int number = 1; number <= 5; ++number) mails.push_back(mail(number));
  const auto results = deliver<MaildirFormat>(std::move(mails));
  EXPECT_EQ(std::ranges::count_if(results, is_full), 2);
  EXPECT_EQ(mails_in("new"), 3U);
  EXPECT_EQ(size_file(), "350S\n0 0\n300 3\n");
}

TEST_F(MailboxQuotaTest, ADeliveryDoesNotReadTheMailbox) {
  EXPECT_TRUE(deliver(1));
  std::vector<std::string> read;
  disk.on_operation([&read](const sim::DiskEvent& event) {
    if (event.operation == sim::DiskOperation::list) read.emplace_back(event.path);
  });
  EXPECT_TRUE(deliver(2));
  EXPECT_EQ(read, std::vector<std::string>{});
}

TEST_F(MailboxQuotaTest, WhatOthersWriteIsAddedUp) {
  EXPECT_TRUE(deliver(1));
  ASSERT_TRUE(disk.erase("/mail/alice/maildirsize"));
  ASSERT_TRUE(disk.plant_file("/mail/alice/maildirsize", "350S,1000C\n100 1\n150 1\n-100 -1\n"));
  EXPECT_TRUE(deliver(2));
  EXPECT_EQ(size_file(), "350S,1000C\n100 1\n150 1\n-100 -1\n100 1\n");
}

TEST_F(MailboxQuotaTest, AFileThatCannotBeBelievedIsWrittenAnew) {
  for (const std::string text : {"", "500S\n0 0\n", "rubbish", "350S\nrubbish\n"}) {
    disk.erase("/mail/alice");
    ASSERT_TRUE(disk.plant_folder("/mail/alice"));
    ASSERT_TRUE(disk.plant_folder("/mail/alice/cur"));
    ASSERT_TRUE(disk.plant_file("/mail/alice/cur/a,S=70:2,S", "x"));
    ASSERT_TRUE(disk.plant_file("/mail/alice/maildirsize", text));
    EXPECT_TRUE(deliver(1));
    EXPECT_EQ(size_file(), "350S\n70 1\n100 1\n") << text;
  }
  ASSERT_TRUE(disk.erase("/mail/alice/maildirsize"));
  ASSERT_TRUE(disk.plant_file("/mail/alice/maildirsize", "350S\n" + std::string(6000, ' ') + "\n"));
  EXPECT_TRUE(deliver(2));
  EXPECT_EQ(size_file(), "350S\n170 2\n100 1\n") << "too long";
}

TEST_F(MailboxQuotaTest, ALinkOrASecondNameIsReplacedAndWhatItLedToIsLeftAlone) {
  ASSERT_TRUE(disk.plant_folder("/elsewhere"));
  ASSERT_TRUE(disk.plant_file("/elsewhere/victim", "350S\n0 0\n"));
  ASSERT_TRUE(disk.plant_folder("/mail/alice"));
  ASSERT_TRUE(disk.plant_link("/mail/alice/maildirsize", "/elsewhere/victim"));
  EXPECT_TRUE(deliver(1));
  ASSERT_TRUE(disk.plant_hard_link("/mail/alice/maildirsize", "/elsewhere/victim"));
  EXPECT_TRUE(deliver(2));
  EXPECT_EQ(size_file(), "350S\n100 1\n100 1\n");
  EXPECT_EQ(disk.contents("/elsewhere/victim"), "350S\n0 0\n");
}

TEST_F(MailboxQuotaTest, ARepeatIsNoQuestionOfRoomAndIsCountedOnce) {
  for (int number = 1; number <= 3; ++number) EXPECT_TRUE(deliver(number));
  EXPECT_TRUE(deliver(2, {}, true));
  EXPECT_EQ(mails_in("new"), 3U);
  EXPECT_EQ(size_file(), "(none)") << "whether it was counted before the crash, nobody knows";
  EXPECT_TRUE(is_full(deliver(4)));
  EXPECT_EQ(size_file(), "350S\n300 3\n");
}

TEST_F(MailboxQuotaTest, MailForAFolderGoesThereIfTheUserHasMadeIt) {
  EXPECT_TRUE(deliver(1, "lists"));
  EXPECT_EQ(mails_in("new"), 1U);
  ASSERT_TRUE(disk.plant_folder("/mail/alice/.Lists"));
  EXPECT_TRUE(deliver(2, "lists")) << "in whatever case";
  EXPECT_EQ(mails_in(".Lists/new"), 1U);
  EXPECT_TRUE(deliver(2, "lists", true)) << "a repeat is found there";
  EXPECT_EQ(mails_in(".Lists/new"), 1U);
  EXPECT_TRUE(deliver(3, "../bob"));
  EXPECT_EQ(mails_in("new"), 2U);
  EXPECT_TRUE(is_full(deliver(4, "lists"))) << "all folders count";
  ASSERT_TRUE(disk.erase("/mail/alice/.Lists"));
  ASSERT_TRUE(disk.plant_folder("/victim"));
  ASSERT_TRUE(disk.plant_link("/mail/alice/.Lists", "/victim"));
  EXPECT_TRUE(deliver(5, "lists")) << "a link is no folder";
  EXPECT_EQ(disk.tree("/victim").size(), 0U);
}

TEST_F(MailboxQuotaTest, ANumberedMailboxKeepsTheSameRules) {
  for (int number = 1; number <= 3; ++number) EXPECT_TRUE(deliver<NumberedFormat>(number));
  EXPECT_TRUE(is_full(deliver<NumberedFormat>(4)));
  EXPECT_EQ(disk.contents("/mail/alice/.quota"), "350S\n300 3\n");
  ASSERT_TRUE(disk.erase("/mail/alice/1.txt"));
  ASSERT_TRUE(disk.erase("/mail/alice/1.status"));
  EXPECT_TRUE(deliver<NumberedFormat>(4));
  EXPECT_TRUE(disk.contents("/mail/alice/4.txt")) << "no number is left out for what did not fit";
  EXPECT_EQ(disk.tree("/mail/alice").size(), 9U) << "three mails with their states, .lock, .last and .quota";
}

}  // namespace
}  // namespace posthorn::store
