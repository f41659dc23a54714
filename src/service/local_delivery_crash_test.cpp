// The spool and local delivery together under power cuts: messages are stored, delivered, recorded; the power goes at any
// operation of the disk; after the restart what still waits is delivered again. In the end every message that was
// acknowledged stands in its mailbox exactly once, whole (FAULTS I1, I2; DESIGN.md, invariants 1 and 2).
#include "service/local_delivery.hpp"
#include "sim/shared_files.hpp"
#include "store/maildir.hpp"
#include "store/numbered.hpp"
#include "support/spool_house.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>

namespace posthorn::service {
namespace {

using testing::SpoolHouse;

struct Row {
  std::string name;
  bool is_numbered;
  sim::CrashMode mode;

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

/// A world in which messages 0, 1, 2 come in, each for alice and bob, and are delivered.
class Server {
 public:
  Server(const Row& row, std::uint64_t seed)
      : is_numbered_(row.is_numbered), house({.disk = {.seed = seed, .mode = row.mode}, .seed = seed}) {
    EXPECT_TRUE(house.disk.make_root("/mail", 0755));
  }

  /// One life of the program, until it has nothing left to do or the power goes. True: it ended by itself.
  bool live(int new_messages) {
    if (!house.start()) return false;
    sim::Workers workers{house.loop(), {}};
    const auto format = make_format();
    auto delivery = std::make_unique<LocalDelivery>(LocalDelivery::World{house.loop(), workers, house.log}, *format,
                                                    LocalDeliverySettings{});
    take_in(new_messages);
    deliver_all(*delivery);
    const bool alive = !house.disk.power_is_off();
    delivery.reset();
    house.kill();
    return alive;
  }

  /// How often each acknowledged message stands in a mailbox, and what else is there.
  [[nodiscard]] std::map<std::string, int> found() const {
    std::map<std::string, int> texts;
    for (const auto* user : {"alice", "bob"}) {
      for (const auto& path : house.disk.tree(std::string("/mail/") + user)) {
        const auto name = path.substr(path.rfind('/') + 1);
        const bool is_mail = is_numbered_ ? name.ends_with(".txt") : path.find("/new/") != std::string::npos;
        if (is_mail && !name.empty()) ++texts[user + house.disk.contents(path).value_or("")];
      }
    }
    return texts;
  }
  [[nodiscard]] static std::string key(const std::string& user, int number) {
    return user + "Return-Path: <sender@example.net>\nDelivered-To: " + user +
           "@example.org\nReceived: by mx\nSubject: " + std::to_string(number) + "\n\nx\n";
  }

  std::set<int> acknowledged;
  std::set<int> tried;

 private:
  bool is_numbered_;
  sim::SharedFiles files_;

 public:
  SpoolHouse house;

 private:
  [[nodiscard]] std::unique_ptr<store::MailboxFormat> make_format() {
    const store::MailboxSettings settings{.root = "/mail", .account = {1000, 1000}};
    if (is_numbered_) return std::make_unique<store::NumberedFormat>(house.disk, files_, settings);
    return std::make_unique<store::MaildirFormat>(house.disk, files_, settings);
  }

  /// Runs the task to its end, or to the end of the power: none.
  template <class T>
  std::optional<T> run(world::Task<T> task) {
    auto value = std::make_shared<std::optional<T>>();
    house.tasks().start([](world::Task<T> work, std::shared_ptr<std::optional<T>> into) -> world::Task<> {
      into->emplace(co_await std::move(work));
    }(std::move(task), value));
    while (!*value && !house.disk.power_is_off() && house.loop().step()) {
    }
    if (house.disk.power_is_off()) return std::nullopt;
    return std::move(*value);
  }

  void take_in(int count) {
    for (int i = 0; i < count && !house.disk.power_is_off(); ++i) {
      tried.insert(i);
      auto message = testing::message_to(house.spool().new_id(), {"alice@example.org", "bob@example.org"},
                                         "Subject: " + std::to_string(i) + "\r\n\r\nx\r\n");
      const auto stored = run(house.spool().commit(house.loop(), std::move(message)));
      if (stored && *stored) acknowledged.insert(i);
    }
  }

  /// What the queue manager does, without its clock: every recipient that waits, until none does.
  void deliver_all(LocalDelivery& delivery) {
    for (int round = 0; round < 3 && !house.disk.power_is_off(); ++round) {
      for (const auto& live : house.spool().live_after(MessageId{}, 100)) deliver_one(delivery, live);
    }
  }
  void deliver_one(LocalDelivery& delivery, const store::LiveMessage& live) {
    for (std::uint32_t place = 0; place < live.recipients.size(); ++place) {
      auto loaded = run(house.spool().load(house.loop(), live.id));
      if (!loaded) return;
      if (!*loaded || (*loaded)->message.states[place].is_final()) continue;
      auto state = (*loaded)->message.states[place];
      Attempt attempt{.destination = place == 0 ? "alice" : "bob",
                      .message = std::move((*loaded)->message),
                      .text = std::move((*loaded)->text),
                      .recipients = {place},
                      .may_be_repeat = !house.spool().is_of_this_start(live.id)};
      const auto result = run(delivery.deliver(std::move(attempt)));
      if (!result) return;
      ++state.attempts;
      if (result->recipients[0].what == RecipientResult::What::delivered)
        state.status = store::RecipientStatus::delivered;
      static_cast<void>(run(house.spool().record(house.loop(), live.id, {{place, state}})));
    }
  }
};

class LocalDeliveryCrashTest : public ::testing::TestWithParam<Row> {
 protected:
  static constexpr int messages = 2;

  static void expect_each_once(const Server& server, const std::string& what) {
    const auto found = server.found();
    std::size_t known = 0;
    for (const int number : server.tried) {
      for (const std::string user : {"alice", "bob"}) {
        const auto at = found.find(Server::key(user, number));
        const int copies = at == found.end() ? 0 : at->second;
        known += copies > 0 ? 1U : 0U;
        if (server.acknowledged.contains(number)) {
          EXPECT_EQ(copies, 1) << user << "'s copy of " << number << ", " << what;
        } else {
          EXPECT_LE(copies, 1) << user << "'s copy of " << number << ", " << what;
        }
      }
    }
    EXPECT_EQ(found.size(), known) << "something else stands in a mailbox, " << what;
  }
};

TEST_P(LocalDeliveryCrashTest, EveryAcknowledgedMessageIsDeliveredOnceWhereverThePowerGoes) {
  Server whole{GetParam(), 1};
  ASSERT_TRUE(whole.live(messages));
  expect_each_once(whole, "without a cut");
  for (std::uint64_t cut = 1; cut <= whole.house.disk.operations(); ++cut) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      Server server{GetParam(), seed};
      server.house.disk.cut_power_at(cut);
      server.live(messages);
      server.house.disk.cut_power();
      sim::SeededChoice choice{cut * 1'000 + seed};
      server.house.power_cut(choice);
      // Sometimes the power goes once more while it recovers.
      if (choice.chance(3)) {
        server.house.disk.cut_power_at(server.house.disk.operations() + 1 + choice.pick(60));
        server.live(0);
        server.house.disk.cut_power();
        server.house.power_cut(choice);
      }
      ASSERT_TRUE(server.live(0));
      expect_each_once(server, "cut at " + std::to_string(cut) + ", seed " + std::to_string(seed));
      ASSERT_FALSE(HasFailure()) << server.house.disk.trace();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, LocalDeliveryCrashTest,
                         ::testing::Values(Row{"MaildirReordered", false, sim::CrashMode::reordered},
                                           Row{"MaildirOrdered", false, sim::CrashMode::ordered},
                                           Row{"MaildirDelayed", false, sim::CrashMode::delayed_allocation},
                                           Row{"NumberedReordered", true, sim::CrashMode::reordered},
                                           Row{"NumberedPrefix", true, sim::CrashMode::prefix}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace posthorn::service
