// Hand-over folders on the simulated disk: what is written, what a sender reads, and power cuts in between.
#include "store/handover.hpp"
#include "store/handover_letters.hpp"
#include "support/mailbox_rig.hpp"

#include <gtest/gtest.h>

#include <array>

namespace posthorn::store {
namespace {

using testing::delivery_name;
using testing::stored_text;
using Tree = std::vector<std::string>;

mail::Address address(std::string_view text) { return mail::Address::parse(text).value(); }
mail::Domain domain() { return mail::Domain::parse("Far.Example").value(); }
const std::string folder = "/mail/.OTHER_SERVERS/far.example";

std::set<int> start(sim::Disk& disk, const std::vector<int>& batch, bool may_be_repeat) {
  HandOverFormat format{disk, {.root = "/mail", .account = {1000, 1000}}};
  const auto place = format.open(domain());
  return place ? testing::deliver_batch(**place, batch, may_be_repeat) : std::set<int>{};
}

class HandOverTest : public ::testing::Test {
 protected:
  HandOverTest() { EXPECT_TRUE(disk.make_root("/mail", 0755)); }

  /// Hands one letter over; its name.
  std::string hand_over(const std::optional<mail::Address>& sender, const std::vector<mail::Address>& recipients,
                        std::string_view text) {
    HandOverFormat format{disk, {.root = "/mail", .account = {1000, 1000}}};
    auto place = format.open(domain()).value();
    auto mail = testing::incoming(1, false);
    mail.head = letter_head(sender, recipients);
    auto staged = place->stage(mail).value();
    EXPECT_TRUE(staged->append(text));
    EXPECT_TRUE(staged->finish());
    std::array<PendingMail*, 1> one{staged.get()};
    EXPECT_TRUE(place->publish(one).front());
    return mail.name;
  }
  HandOverLetters letters() { return HandOverLetters::open(disk, "/mail", domain()).value(); }

  sim::Disk disk;
};

TEST_F(HandOverTest, ALetterStartsWithItsEnvelope) {
  const auto name = hand_over(address("a@here.example"), {address("b@far.example"), address("\"c d\"@far.example")},
                              "Return-Path: <forged@x>\r\nSubject: hi\r\n\r\nX-Envelope-To: body\r\n");
  EXPECT_EQ(disk.tree("/mail"), (Tree{"/mail/.OTHER_SERVERS/", folder + "/", folder + "/" + name, folder + "/error/"}));
  EXPECT_EQ(disk.contents(folder + "/" + name),
            "Return-Path: <a@here.example>\nX-Envelope-To: b@far.example\nX-Envelope-To: \"c d\"@far.example\n"
            "Subject: hi\n\nX-Envelope-To: body\n");
}

TEST_F(HandOverTest, ASenderReadsWhatWasHandedOver) {
  const std::string text = "Subject: hi\r\n\r\nline\r\n.\r\nlast";
  const auto name = hand_over(std::nullopt, {address("b@far.example")}, text);
  EXPECT_EQ(domains_with_letters(disk, "/mail").value(), std::vector{domain()});
  auto waiting = letters();
  EXPECT_EQ(waiting.names().value(), Tree{name});
  const auto envelope = waiting.envelope_of(name).value();
  EXPECT_EQ(envelope.sender, std::nullopt);
  EXPECT_EQ(envelope.recipients, std::vector{address("b@far.example")});
  std::string read;
  ASSERT_TRUE(waiting.read_text(name, envelope, [&read](std::string_view piece) -> Result<> {
    read += piece;
    return {};
  }));
  EXPECT_EQ(read, text);
}

TEST_F(HandOverTest, LettersAreTakenAwayOrSetAsideDurably) {
  EXPECT_EQ(start(disk, {1, 2}, false).size(), 2U);
  auto waiting = letters();
  ASSERT_TRUE(waiting.remove(delivery_name(1)));
  ASSERT_TRUE(waiting.set_aside(delivery_name(2)));
  sim::LoseAll nothing_else;
  const auto after = disk.after_power_cut(nothing_else);
  EXPECT_EQ(after->tree(folder), (Tree{folder + "/error/", folder + "/error/" + delivery_name(2)}));
  EXPECT_EQ(waiting.names().value(), Tree{});
}

TEST_F(HandOverTest, ACutWhileALetterIsSetAsideNeverLosesIt) {
  for (std::uint64_t cut = 1; cut <= 9; ++cut) {
    sim::Disk other;
    ASSERT_TRUE(other.make_root("/mail", 0755));
    EXPECT_EQ(start(other, {1}, false).size(), 1U);
    auto waiting = HandOverLetters::open(other, "/mail", domain()).value();
    other.cut_power_at(other.operations() + cut);
    static_cast<void>(waiting.set_aside(delivery_name(1)));
    sim::ExhaustiveChoice choice;
    do {
      const auto after = other.after_power_cut(choice);
      const auto here = after->contents(folder + "/" + delivery_name(1));
      const auto aside = after->contents(folder + "/error/" + delivery_name(1));
      EXPECT_TRUE(here == stored_text(1) || aside == stored_text(1)) << "cut at " << cut << "\n" << after->trace();
    } while (choice.next());
  }
}

TEST_F(HandOverTest, WhatStandsInErrorIsNotReplaced) {
  EXPECT_EQ(start(disk, {1}, false).size(), 1U);
  ASSERT_TRUE(disk.plant_file(folder + "/error/" + delivery_name(1), "older"));
  EXPECT_EQ(letters().set_aside(delivery_name(1)).error().kind, Error::Kind::exists);
  EXPECT_EQ(disk.contents(folder + "/error/" + delivery_name(1)), "older");
  EXPECT_EQ(disk.contents(folder + "/" + delivery_name(1)), stored_text(1));
}

TEST_F(HandOverTest, ARepeatFindsItsLetterAlsoInError) {
  EXPECT_EQ(start(disk, {1, 2}, false).size(), 2U);
  ASSERT_TRUE(letters().set_aside(delivery_name(2)));
  EXPECT_EQ(start(disk, {1, 2}, true).size(), 2U);
  EXPECT_EQ(disk.tree(folder),
            (Tree{folder + "/" + delivery_name(1), folder + "/error/", folder + "/error/" + delivery_name(2)}));
}

TEST_F(HandOverTest, WhatIsNoLetterIsNamedAndNotSent) {
  EXPECT_EQ(start(disk, {1}, false).size(), 1U);
  auto waiting = letters();
  for (const std::string_view bytes :
       {"", "\n", "Subject: hi\n\nbody\n", "Return-Path: <a@b.example>\nSubject: hi\n\n", "Return-Path: <a@b.example>",
        "Return-Path: nonsense\nX-Envelope-To: b@far.example\n\n", "Return-Path: <>\nX-Envelope-To: nonsense\n\n",
        "Return-Path: <postmaster>\nX-Envelope-To: b@far.example\n\n"}) {
    ASSERT_TRUE(disk.plant_file(folder + "/x", bytes));
    const auto envelope = waiting.envelope_of("x");
    ASSERT_FALSE(envelope) << bytes;
    EXPECT_EQ(envelope.error().kind, Error::Kind::invalid) << bytes;
  }
  ASSERT_TRUE(disk.plant_file(folder + "/x", "Return-Path: <" + std::string(2U << 20, 'a') + "@b.example>\n\n"));
  EXPECT_FALSE(waiting.envelope_of("x")) << "an endless line is not read to its end";
}

TEST_F(HandOverTest, OnlyFoldersOfDomainsAreLookedAt) {
  EXPECT_EQ(domains_with_letters(disk, "/mail").value(), std::vector<mail::Domain>{}) << "none yet";
  EXPECT_EQ(start(disk, {1}, false).size(), 1U);
  ASSERT_TRUE(disk.plant_folder("/mail/.OTHER_SERVERS/UPPER.example"));
  ASSERT_TRUE(disk.plant_folder("/mail/.OTHER_SERVERS/.hidden"));
  ASSERT_TRUE(disk.plant_file("/mail/.OTHER_SERVERS/file.example", ""));
  ASSERT_TRUE(disk.plant_link("/mail/.OTHER_SERVERS/link.example", "/"));
  EXPECT_EQ(domains_with_letters(disk, "/mail").value(), std::vector{domain()});
  ASSERT_TRUE(disk.plant_file(folder + "/.half-written", "x"));
  EXPECT_EQ(letters().names().value(), Tree{delivery_name(1)});
}

TEST_F(HandOverTest, ALinkInTheWayFailsSafely) {
  ASSERT_TRUE(disk.plant_folder("/victim"));
  ASSERT_TRUE(disk.plant_link("/mail/.OTHER_SERVERS", "/victim"));
  HandOverFormat format{disk, {.root = "/mail", .account = {1000, 1000}}};
  EXPECT_EQ(format.open(domain()).error().kind, Error::Kind::is_link);
  ASSERT_TRUE(disk.erase("/mail/.OTHER_SERVERS"));
  ASSERT_TRUE(disk.plant_folder("/mail/.OTHER_SERVERS"));
  ASSERT_TRUE(disk.plant_link(folder, "/victim"));
  EXPECT_EQ(format.open(domain()).error().kind, Error::Kind::is_link);
  EXPECT_EQ(disk.tree("/victim"), Tree{});
}

class HandOverCrashTest : public ::testing::TestWithParam<testing::History> {
 protected:
  testing::CrashRig rig{GetParam(), start};
};

TEST_P(HandOverCrashTest, ACutAnywhereLosesAndDoublesNothing) {
  rig.each_cut([this](const sim::Disk& disk, const std::set<int>& answered, std::uint64_t cut) {
    sim::ExhaustiveChoice choice;
    do {
      const auto after = disk.after_power_cut(choice);
      static_cast<void>(rig.repeat(*after, answered));
      for (const int number : rig.all()) {
        ASSERT_EQ(after->contents(folder + "/" + delivery_name(number)), stored_text(number)) << "cut at " << cut;
      }
      auto waiting = HandOverLetters::open(*after, "/mail", domain()).value();
      ASSERT_EQ(waiting.names().value().size(), rig.all().size()) << "cut at " << cut;
    } while (choice.next());
  });
}

INSTANTIATE_TEST_SUITE_P(Histories, HandOverCrashTest, ::testing::ValuesIn(testing::short_histories()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace posthorn::store
