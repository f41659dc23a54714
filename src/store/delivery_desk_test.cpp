#include "store/delivery_desk.hpp"

#include "sim/disk.hpp"
#include "sim/random.hpp"
#include "sim/shared_files.hpp"
#include "store/maildir.hpp"
#include "store/users_folder.hpp"
#include "support/mailbox_rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>

namespace posthorn::store {
namespace {

using testing::delivery_name;
using testing::incoming;
using testing::mail_text;

std::uint16_t number_of(DeliveryPacket kind) { return static_cast<std::uint16_t>(kind); }

class DeliveryDeskTest : public ::testing::Test {
 protected:
  DeliveryDeskTest() {
    EXPECT_TRUE(disk_.make_root("/mail", 0755));
    open();
  }

  void open() {
    auto mailbox = format_.open({.user = mail::UserName::parse("alice").value()});
    ASSERT_TRUE(mailbox) << mailbox.error().text;
    desk_.emplace(
        std::move(*mailbox),
        [](std::span<const DeliveryDesk::Job> jobs) {
          for (const auto& job : jobs) job();
        },
        DeliveryDesk::Settings{.parallel_syncs = 2});
  }

  Result<std::vector<DeliveryDesk::Answer>> give(DeliveryPacket kind, std::string_view payload) {
    return desk_->take(number_of(kind), payload);
  }
  bool stage(std::uint32_t place, bool may_be_repeat = false) {
    const auto mail = incoming(static_cast<int>(place), may_be_repeat);
    return give(DeliveryPacket::stage, encode(StagedMail{.place = place, .mail = mail})).has_value();
  }
  bool text(std::uint32_t place, std::string_view octets) {
    return give(DeliveryPacket::text, encode(TextPiece{.place = place, .octets = octets})).has_value();
  }
  bool finish(std::uint32_t place) { return give(DeliveryPacket::finish, encode_place(place)).has_value(); }
  bool whole(std::uint32_t place) {
    return stage(place) && text(place, mail_text(static_cast<int>(place))) && finish(place);
  }

  std::vector<std::string> names(const std::string& folder) {
    std::vector<std::string> found;
    auto opened = disk_.open_root("/mail/alice/" + folder);
    if (!opened) return found;
    const auto entries = (*opened)->list();
    for (const auto& entry : *entries) found.push_back(entry.name);
    std::ranges::sort(found);
    return found;
  }

  sim::Disk disk_{sim::DiskSettings{}};
  sim::SharedFiles files_;
  MaildirFormat format_{disk_, files_, {.root = "/mail", .account = {1000, 1000}}};
  std::optional<DeliveryDesk> desk_;
};

TEST_F(DeliveryDeskTest, PublishesWhatWasFinishedInTheOrderThatIsAskedFor) {
  for (std::uint32_t place = 0; place < 5; ++place) ASSERT_TRUE(whole(place)) << place;
  EXPECT_TRUE(names("new").empty()) << "nothing is seen before it is published";
  const auto answers = give(DeliveryPacket::publish, encode_places({4, 0, 2}));
  ASSERT_TRUE(answers) << answers.error().text;
  ASSERT_EQ(answers->size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto result = decode_mail_result((*answers)[i].payload);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->place, (std::array<std::uint32_t, 3>{4, 0, 2}[i]));
    EXPECT_TRUE(result->result);
  }
  EXPECT_EQ(answers->back().kind, DeliveryPacket::published);
  EXPECT_EQ(names("new"), (std::vector{delivery_name(0), delivery_name(2), delivery_name(4)}));
  EXPECT_TRUE(names("tmp").empty()) << "what was not published is taken away";
  EXPECT_TRUE(desk_->is_done());
  EXPECT_FALSE(stage(5));
  disk_.cut_power();
  disk_.restart();
  EXPECT_EQ(names("new").size(), 3U) << "it was durable before it was answered";
}

TEST_F(DeliveryDeskTest, AMailThatIsDroppedIsNotPublished) {
  ASSERT_TRUE(stage(0));
  ASSERT_TRUE(whole(1));
  ASSERT_TRUE(give(DeliveryPacket::drop, encode_place(0)));
  ASSERT_TRUE(give(DeliveryPacket::drop, encode_place(1)));
  EXPECT_TRUE(names("tmp").empty());
  EXPECT_FALSE(give(DeliveryPacket::publish, encode_places({1})));
}

TEST_F(DeliveryDeskTest, OneThatFailsIsToldAndTheOthersAreDelivered) {
  ASSERT_TRUE(whole(0));
  auto mail = incoming(1, false);
  mail.name = "../../etc/passwd";
  ASSERT_TRUE(give(DeliveryPacket::stage, encode(StagedMail{.place = 1, .mail = mail})));
  ASSERT_TRUE(text(1, "x\r\n"));
  ASSERT_TRUE(finish(1));
  const auto answers = give(DeliveryPacket::publish, encode_places({0, 1}));
  ASSERT_TRUE(answers);
  EXPECT_TRUE(decode_mail_result((*answers)[0].payload)->result);
  EXPECT_EQ(decode_mail_result((*answers)[1].payload)->result.error().kind, Error::Kind::invalid);
}

TEST_F(DeliveryDeskTest, RepeatedItIsThereOnce) {
  ASSERT_TRUE(whole(0));
  ASSERT_TRUE(give(DeliveryPacket::publish, encode_places({0})));
  open();
  ASSERT_TRUE(stage(0, true) && text(0, mail_text(0)) && finish(0));
  const auto answers = give(DeliveryPacket::publish, encode_places({0}));
  ASSERT_TRUE(answers);
  EXPECT_TRUE(decode_mail_result(answers->front().payload)->result);
  EXPECT_EQ(names("new").size(), 1U);
}

TEST_F(DeliveryDeskTest, WhatIsOutOfOrderEndsIt) {
  struct Row {
    std::string_view name;
    DeliveryPacket kind;
    std::string payload;
  };
  const std::vector<Row> rows{
      {"a place that is not the next", DeliveryPacket::stage, encode(StagedMail{7, incoming(7, false)})},
      {"a place again", DeliveryPacket::stage, encode(StagedMail{0, incoming(0, false)})},
      {"text for nobody", DeliveryPacket::text, encode(TextPiece{9, "x"})},
      {"text behind the end", DeliveryPacket::text, encode(TextPiece{0, "x"})},
      {"the end of nobody", DeliveryPacket::finish, encode_place(9)},
      {"the end again", DeliveryPacket::finish, encode_place(0)},
      {"nobody taken back", DeliveryPacket::drop, encode_place(9)},
      {"published before its end", DeliveryPacket::publish, encode_places({1})},
      {"published twice", DeliveryPacket::publish, encode_places({0, 0})},
      {"an answer", DeliveryPacket::published, {}},
      {"half a number", DeliveryPacket::finish, "\1"},
      {"more than a number", DeliveryPacket::finish, encode_place(1) + "x"},
      {"too many places", DeliveryPacket::publish, std::string("\xff\xff\xff\xff", 4)}};
  for (const auto& row : rows) {
    open();
    ASSERT_TRUE(whole(0) && stage(1)) << row.name;
    const auto answer = give(row.kind, row.payload);
    ASSERT_FALSE(answer) << row.name;
    EXPECT_EQ(answer.error().kind, Error::Kind::corrupt) << row.name;
    EXPECT_TRUE(desk_->is_done()) << row.name;
    EXPECT_TRUE(names("tmp").empty()) << row.name;
    EXPECT_TRUE(names("new").empty()) << row.name;
  }
}

TEST_F(DeliveryDeskTest, RandomOctetsDoNoHarm) {
  sim::Random random{62};
  for (int run = 0; run < 300; ++run) {
    open();
    for (int step = 0; step < 20 && !desk_->is_done(); ++step) {
      std::string payload(random.next() % 40, '\0');
      for (auto& octet : payload)
        octet = static_cast<char>(random.next() % 4 == 0 ? random.next() % 256 : random.next() % 3);
      const auto kind = number_of(DeliveryPacket::stage) + random.next() % 9;
      static_cast<void>(desk_->take(static_cast<std::uint16_t>(kind), payload));
    }
  }
}

TEST(DeliveryWire, GivesBackWhatWasPut) {
  auto mail = incoming(3, true);
  mail.sender = mail::Address::parse("\"a b\"@example.org").value();
  mail.arrival = WallTime{WallTime::duration{-5}};
  mail.head = "Return-Path: <>\r\n";
  mail.folder = "lists";
  const auto back = decode_staged_mail(encode(StagedMail{.place = 9, .mail = mail}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->place, 9U);
  EXPECT_EQ(back->mail.name, mail.name);
  EXPECT_EQ(back->mail.id, mail.id);
  EXPECT_TRUE(back->mail.sender == mail.sender);
  EXPECT_EQ(back->mail.arrival, mail.arrival);
  EXPECT_EQ(back->mail.head, mail.head);
  EXPECT_TRUE(back->mail.may_be_repeat);
  EXPECT_EQ(back->mail.folder, mail.folder);
}

TEST(DeliveryWire, EveryCutIsRefused) {
  auto mail = incoming(3, true);
  mail.sender = mail::Address::parse("a@example.org").value();
  const auto whole = encode(StagedMail{.place = 9, .mail = mail});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(decode_staged_mail(whole.substr(0, length))) << length;
  }
  EXPECT_FALSE(decode_staged_mail(whole + "x"));
}

TEST(DeliveryWire, AnErrorIsCleanedAndCut) {
  const auto text = "bad\r\nline\x1b[1m" + std::string(5'000, 'x');
  const auto back = decode_mail_result(encode(MailResult{.place = 1, .result = failure(Error::Kind::no_space, text)}));
  ASSERT_TRUE(back && !back->result);
  EXPECT_EQ(back->result.error().kind, Error::Kind::no_space);
  EXPECT_EQ(back->result.error().text.find_first_of("\r\n\x1b"), std::string::npos);
  EXPECT_LE(back->result.error().text.size(), DeliveryLimits::error + 10);
}

TEST(UsersFolder, IsMadeOnceAndGivenAway) {
  sim::Disk disk{sim::DiskSettings{.user = 0, .group = 0}};
  ASSERT_TRUE(disk.make_root("/mail", 0755));
  auto root = disk.open_root("/mail");
  const auto alice = mail::UserName::parse("alice").value();
  ASSERT_TRUE(make_users_folder(**root, alice, {.user = 1'001, .group = 1'002}));
  auto facts = (*root)->facts("alice");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->user, 1'001U);
  EXPECT_EQ(facts->mode, 0700U);
  ASSERT_TRUE(make_users_folder(**root, alice, {.user = 1'003, .group = 1'003}));
  EXPECT_EQ((*root)->facts("alice")->user, 1'001U) << "whosever it is, it stays so";
}

TEST(UsersFolder, OneThatACrashKeptFromItsOwnerIsGivenAwayLater) {
  sim::Disk disk{sim::DiskSettings{.user = 0, .group = 0}};
  ASSERT_TRUE(disk.make_root("/mail", 0755));
  auto root = disk.open_root("/mail");
  ASSERT_TRUE((*root)->make_folder("alice", 0700));
  ASSERT_TRUE((*root)->make_folder("bob", 0700));
  ASSERT_TRUE((*(*root)->open_folder("bob"))->create_file("x", 0600));
  ASSERT_TRUE(make_users_folder(**root, mail::UserName::parse("alice").value(), {.user = 7, .group = 7}));
  ASSERT_TRUE(make_users_folder(**root, mail::UserName::parse("bob").value(), {.user = 8, .group = 8}));
  EXPECT_EQ((*root)->facts("alice")->user, 7U);
  EXPECT_EQ((*root)->facts("bob")->user, 0U) << "somebody put something into it";
}

TEST(UsersFolder, EveryPowerCutIsMadeGoodByTheNextDelivery) {
  const auto alice = mail::UserName::parse("alice").value();
  for (std::uint64_t cut = 1; cut < 12; ++cut) {
    sim::Disk disk{sim::DiskSettings{.user = 0, .group = 0}};
    ASSERT_TRUE(disk.make_root("/mail", 0755));
    disk.cut_power_at(disk.operations() + cut);
    const auto first = disk.open_root("/mail");
    if (first) static_cast<void>(make_users_folder(**first, alice, {.user = 7, .group = 7}));
    disk.cut_power();
    disk.restart();
    auto root = disk.open_root("/mail");
    ASSERT_TRUE(root) << cut;
    const auto made = make_users_folder(**root, alice, {.user = 7, .group = 7});
    ASSERT_TRUE(made) << cut << ": " << made.error().text;
    EXPECT_EQ((*root)->facts("alice")->user, 7U) << cut;
  }
}

}  // namespace
}  // namespace posthorn::store
