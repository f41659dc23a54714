// The engine's side of a batch that a worker carries out; the worker here is a thread with a desk, or somebody hostile.
#include "cli/mailbox_client.hpp"

#include "sim/disk.hpp"
#include "sim/shared_files.hpp"
#include "store/delivery_desk.hpp"
#include "store/maildir.hpp"
#include "support/mailbox_rig.hpp"
#include "system/forked_workers.hpp"
#include "system/thread.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <set>

namespace posthorn::cli {
namespace {

using store::DeliveryPacket;
using testing::delivery_name;
using testing::stored_text;

constexpr Duration patience = std::chrono::seconds{60};
const MailboxClient::Settings quick{.for_process = std::chrono::milliseconds{50},
                                    .for_worker = std::chrono::milliseconds{200},
                                    .for_result = std::chrono::milliseconds{200}};

void tell(const system::ControlChannel& channel, DeliveryPacket kind, std::string_view payload = {}) {
  EXPECT_TRUE(channel.send(static_cast<std::uint16_t>(kind), payload));
}

class MailboxClientTest : public ::testing::Test {
 protected:
  using Worker = std::function<void(const std::string& user, system::ControlChannel& channel)>;

  /// A deliver process in a thread, which serves one order after another with this worker.
  void serve(Worker worker) {
    auto ends = system::ControlChannel::make_pair();
    ASSERT_TRUE(ends);
    process_ = std::make_unique<system::ControlChannel>(std::move(ends->second));
    client_.connect(std::move(ends->first));
    thread_ = system::Thread{"worker", [this, worker = std::move(worker)] {
                               while (auto packet = process_->receive(patience)) {
                                 if (packet->descriptors.size() != 1) return;
                                 system::ControlChannel channel{std::move(packet->descriptors.front())};
                                 worker(packet->payload, channel);
                               }
                             }};
  }
  /// What the worker uses lasts until then.
  void end() {
    if (process_) process_->hang_up();
    thread_ = {};
  }
  ~MailboxClientTest() override { end(); }

  Result<std::unique_ptr<store::Mailbox>> open() {
    return client_.open({.user = mail::UserName::parse("alice").value()});
  }

  MailboxClient client_{quick};
  std::unique_ptr<system::ControlChannel> process_;
  system::Thread thread_;
};

TEST_F(MailboxClientTest, WithoutAProcessItFailsForTheMoment) {
  EXPECT_EQ(open().error().kind, Error::Kind::ended);
  ASSERT_NO_FATAL_FAILURE(serve([](const std::string&, system::ControlChannel&) {}));
  process_->hang_up();
  EXPECT_EQ(open().error().kind, Error::Kind::ended);
}

TEST_F(MailboxClientTest, ABatchGoesThroughAndComesBackMailByMail) {
  sim::Disk disk{sim::DiskSettings{}};
  sim::SharedFiles files;
  store::MaildirFormat format{disk, files, {.root = "/mail", .account = {1000, 1000}}};
  ASSERT_TRUE(disk.make_root("/mail", 0755));
  ASSERT_NO_FATAL_FAILURE(serve([&](const std::string& user, system::ControlChannel& channel) {
    auto mailbox = format.open({.user = mail::UserName::parse(user).value()});
    if (!mailbox) return;
    const auto one_by_one = [](std::span<const store::DeliveryDesk::Job> jobs) {
      for (const auto& job : jobs) job();
    };
    store::DeliveryDesk desk{std::move(*mailbox), one_by_one, {}};
    tell(channel, DeliveryPacket::opened);
    while (!desk.is_done()) {
      const auto packet = channel.receive(patience);
      if (!packet) return;
      const auto answers = desk.take(packet->kind, packet->payload);
      if (!answers) return;
      for (const auto& answer : *answers) tell(channel, answer.kind, answer.payload);
    }
  }));
  auto mailbox = open();
  ASSERT_TRUE(mailbox) << mailbox.error().text;
  EXPECT_EQ(testing::deliver_batch(**mailbox, {1, 2, 3}, false), (std::set{1, 2, 3}));
  auto long_mail = open();
  ASSERT_TRUE(long_mail);
  auto staged = (*long_mail)->stage(testing::incoming(9, false));
  auto dropped = (*long_mail)->stage(testing::incoming(10, false));
  ASSERT_TRUE(staged && dropped);
  const std::string line(99, 'x');
  std::string text;
  for (int count = 0; count < 2'000; ++count) text += line + "\r\n";
  ASSERT_TRUE((*staged)->append(text) && (*staged)->finish());
  dropped->reset();
  std::array<store::PendingMail*, 1> one{staged->get()};
  ASSERT_TRUE((*long_mail)->publish(one).front());
  EXPECT_EQ(disk.contents("/mail/alice/new/" + delivery_name(9))->size(), 2'000U * 100U);
  EXPECT_EQ(disk.contents("/mail/alice/new/" + delivery_name(2)), stored_text(2));
  EXPECT_FALSE(disk.contents("/mail/alice/new/" + delivery_name(10)));
  end();
}

TEST_F(MailboxClientTest, ARefusalIsTheMailboxs) {
  ASSERT_NO_FATAL_FAILURE(serve([](const std::string&, system::ControlChannel& channel) {
    tell(channel, DeliveryPacket::refused, store::encode(Error{Error::Kind::is_link, "/mail/alice is a link"}));
  }));
  const auto mailbox = open();
  ASSERT_FALSE(mailbox);
  EXPECT_EQ(mailbox.error().kind, Error::Kind::is_link);
}

TEST_F(MailboxClientTest, WhateverAWorkerDoesInsteadFailsItsBatchOnly) {
  using Step = std::function<void(system::ControlChannel&)>;
  struct Row {
    std::string_view name;
    Step step;  // once all is to be published
  };
  const auto wait_for_publish = [](system::ControlChannel& channel) {
    while (const auto packet = channel.receive(patience)) {
      if (packet->kind == static_cast<std::uint16_t>(DeliveryPacket::publish)) return;
    }
  };
  const std::vector<Row> rows{
      {"it ends", [](system::ControlChannel&) {}},
      {"it says nothing", [](system::ControlChannel& channel) { static_cast<void>(channel.receive(patience)); }},
      {"it gives no result", [](system::ControlChannel& channel) { tell(channel, DeliveryPacket::published); }},
      {"it says what is no result",
       [](system::ControlChannel& channel) { tell(channel, DeliveryPacket::result, "x"); }},
      {"a result of another",
       [](system::ControlChannel& channel) {
         tell(channel, DeliveryPacket::result, encode(store::MailResult{.place = 9, .result = {}}));
       }},
      {"it asks", [](system::ControlChannel& channel) { tell(channel, DeliveryPacket::stage, "x"); }}};
  const Row* row = nullptr;
  ASSERT_NO_FATAL_FAILURE(serve([&](const std::string&, system::ControlChannel& channel) {
    tell(channel, DeliveryPacket::opened);
    wait_for_publish(channel);
    row->step(channel);
  }));
  for (const auto& each : rows) {
    row = &each;
    auto mailbox = open();
    ASSERT_TRUE(mailbox) << each.name;
    EXPECT_TRUE(testing::deliver_batch(**mailbox, {1, 2}, false).empty()) << each.name;
  }
  end();
}

TEST_F(MailboxClientTest, AStopBreaksOffWhatIsUnderWay) {
  MailboxClient patient{{.for_process = patience, .for_worker = patience, .for_result = patience}};
  auto ends = system::ControlChannel::make_pair();
  ASSERT_TRUE(ends);
  patient.connect(std::move(ends->first));
  Error::Kind kind{};
  Result<system::ControlPacket> ordered;  // outlives the thread: the worker seems to be there
  {
    const system::Thread opener{
        "opener", [&] { kind = patient.open({.user = mail::UserName::parse("alice").value()}).error().kind; }};
    ordered = ends->second.receive(patience);
    EXPECT_TRUE(ordered);
    patient.stop();
  }
  EXPECT_TRUE(kind == Error::Kind::ended || kind == Error::Kind::closed);
}

TEST_F(MailboxClientTest, AWorkerThatDoesNotOpenIsGivenUp) {
  ASSERT_NO_FATAL_FAILURE(
      serve([](const std::string&, system::ControlChannel& channel) { static_cast<void>(channel.receive(patience)); }));
  EXPECT_EQ(open().error().kind, Error::Kind::timed_out);
}

}  // namespace
}  // namespace posthorn::cli
