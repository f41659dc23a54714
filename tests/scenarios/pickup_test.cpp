// Mail that programs put into the drop folder, and the server that picks it up, under power cuts: what was finished arrives
// once, wherever the power goes.
#include "simulated_server.hpp"

#include "store/drop_box.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::scenarios {
namespace {

using ::testing::HasSubstr;

constexpr const char* drop_path = "/drop";
constexpr unsigned own_account = 1000;
constexpr int most_steps = 3'000;
constexpr int steps_after = 500;
constexpr std::uint64_t most_cuts = 150;

class Pickup : public ::testing::Test {
 protected:
  explicit Pickup() { options.drop = drop_path; }

  /// What `sendmail` does. Whether it said that the letter is kept.
  static bool hand_in(sim::Disk& disk, std::uint64_t number, const std::string& recipient,
                      const std::string& sender = "bob@example.org") {
    sim::Random random(number + 1);
    auto box = store::DropBox::open(disk, drop_path, own_account, random);
    if (!box) return false;
    mail::Envelope envelope;
    if (!sender.empty()) envelope.sender = *mail::Address::parse(sender);
    envelope.recipients.push_back({*mail::Address::parse(recipient)});
    auto writer =
        box->begin(envelope, WallTime{std::chrono::seconds{1'790'000'000 + static_cast<std::int64_t>(number)}}, random);
    if (!writer) return false;
    const auto text = fmt::format("Subject: {}\r\nBcc: hidden@example.org\r\n\r\nx\r\n", number);
    return writer->append(text) && writer->finish();
  }

  /// Until so many mails are there or the power goes.
  static void live(SimulatedServer& server, sim::Disk& disk, std::size_t mails, std::string_view user = "alice") {
    if (!server.start()) return;
    for (int step = 0; step < most_steps && !disk.power_is_off() && server.mails(user).size() < mails; ++step) {
      if (!server.loop().step()) return;
    }
  }

  /// How often each letter stands in alice's mailbox.
  static std::vector<int> copies(const sim::Disk& disk, const SimulatedServer& server, int letters) {
    std::vector<int> count(static_cast<std::size_t>(letters));
    for (const auto& path : server.mails("alice")) {
      const auto text = disk.contents(path).value_or("");
      for (int number = 0; number < letters; ++number) {
        if (text.contains(fmt::format("Subject: {}\n", number))) ++count[static_cast<std::size_t>(number)];
      }
    }
    return count;
  }

  ServerOptions options;
};

TEST_F(Pickup, TakesWhatWasThereAndWhatComes) {
  sim::Disk disk;
  ASSERT_TRUE(hand_in(disk, 0, "alice@example.org"));
  SimulatedServer server(disk, options);
  live(server, disk, 1);
  ASSERT_TRUE(hand_in(disk, 1, "alice@example.org"));
  for (int step = 0; step < most_steps && server.mails("alice").size() < 2; ++step) ASSERT_TRUE(server.loop().step());
  EXPECT_EQ(copies(disk, server, 2), (std::vector{1, 1})) << server.log().text();
  const auto text = disk.contents(server.mails("alice").front()).value();
  EXPECT_THAT(text, HasSubstr("(from account 1000, number 1000)"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("Bcc")));
  EXPECT_THAT(text, HasSubstr("Message-ID: "));
  EXPECT_THAT(disk.tree(drop_path), ::testing::ElementsAre("/drop/1000/"));
  server.stop();
}

TEST_F(Pickup, ReportsWhoCannotBeReached) {
  sim::Disk disk;
  ASSERT_TRUE(hand_in(disk, 0, "nobody@example.org"));
  ASSERT_TRUE(hand_in(disk, 1, "nobody@example.org", ""));
  SimulatedServer server(disk, options);
  live(server, disk, 1, "bob");
  ASSERT_EQ(server.mails("bob").size(), 1U) << server.log().text();
  EXPECT_THAT(disk.contents(server.mails("bob").front()).value(), HasSubstr("nobody@example.org"));
  const auto is_told = [&] { return server.log().text().contains("to=postmaster@example.org"); };
  for (int step = 0; step < most_steps && !is_told(); ++step) ASSERT_TRUE(server.loop().step());
  EXPECT_TRUE(is_told()) << "of what has no sender: " << server.log().text();
  server.stop();
}

TEST_F(Pickup, WhatTheDiskDoesNotGiveBackAtOnceIsReportedLater) {
  sim::Disk disk;
  ASSERT_TRUE(hand_in(disk, 0, "nobody@example.org"));
  SimulatedServer server(disk, options);
  ASSERT_TRUE(server.start());
  disk.plan({.operation = sim::DiskOperation::read, .times = sim::DiskFault::always, .path = "segment-"});
  server.loop().run_for(std::chrono::seconds{30});
  EXPECT_GT(server.log().count("queue.unreadable"), 0U) << server.log().text();
  disk.forget_plan();
  server.loop().run_for(std::chrono::seconds{10});
  EXPECT_EQ(server.mails("bob").size(), 1U) << server.log().text();
  server.stop();
}

TEST_F(Pickup, EachLetterArrivesOnceWhereverThePowerGoes) {
  constexpr int letters = 2;
  std::uint64_t before = 0;
  std::uint64_t all = 0;
  {
    sim::Disk disk;
    for (int number = 0; number < letters; ++number)
      ASSERT_TRUE(hand_in(disk, static_cast<std::uint64_t>(number), "alice@example.org"));
    before = disk.operations();
    SimulatedServer server(disk, options);
    live(server, disk, letters);
    all = disk.operations();
    ASSERT_EQ(copies(disk, server, letters), (std::vector{1, 1})) << server.log().text();
  }
  // Between stand the many operations by which a spool is made, which the letters have no part in.
  const auto picked_up = std::max(before, all > most_cuts ? all - most_cuts : 0);
  for (std::uint64_t cut = 1; cut <= all; cut = cut == before ? picked_up + 1 : cut + 1) {
    sim::Disk disk({.seed = cut});
    disk.cut_power_at(cut);
    std::vector<bool> kept(letters);
    for (int number = 0; number < letters; ++number) {
      kept[static_cast<std::size_t>(number)] = hand_in(disk, static_cast<std::uint64_t>(number), "alice@example.org");
    }
    if (cut > before) {
      SimulatedServer server(disk, options);
      live(server, disk, letters);
    }
    disk.cut_power();
    sim::SeededChoice choice{cut};
    disk.reboot(choice);
    SimulatedServer server(disk, options);
    server.loop().run_for(std::chrono::minutes{1});  // as clocks do while a machine comes up
    live(server, disk, letters);
    for (int step = 0; step < steps_after && server.loop().step(); ++step) {  // a second copy would come now
    }
    const auto found = copies(disk, server, letters);
    for (std::size_t number = 0; number < letters; ++number) {
      if (kept[number])
        EXPECT_EQ(found[number], 1) << "letter " << number << ", cut at " << cut << '\n' << server.log().text();
      EXPECT_LE(found[number], 1) << "letter " << number << ", cut at " << cut << '\n' << server.log().text();
    }
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace posthorn::scenarios
