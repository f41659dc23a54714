// Local delivery with a real spool and Maildir on the simulated disk: batches, results, and that one bad mailbox stops none.
#include "service/local_delivery.hpp"

#include "sim/shared_files.hpp"
#include "store/maildir.hpp"
#include "store/numbered.hpp"
#include "support/spool_house.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <ostream>

namespace posthorn::service {
namespace {

using What = RecipientResult::What;
using testing::SpoolHouse;

/// Workers whose jobs wait until the test lets them run.
class HeldWorkers final : public world::Workers {
 public:
  void run(world::Callback job) override { jobs.push_back(std::move(job)); }
  void run_first() {
    auto job = std::move(jobs.front());
    jobs.pop_front();
    job();
  }
  void run_last() {
    auto job = std::move(jobs.back());
    jobs.pop_back();
    job();
  }

  std::deque<world::Callback> jobs;
};

class LocalDeliveryTest : public ::testing::Test {
 protected:
  LocalDeliveryTest() {
    EXPECT_TRUE(house.start());
    EXPECT_TRUE(house.disk.make_root("/mail", 0755));
    use(house_workers(), {});
  }

  sim::Workers& house_workers() {
    return *(workers ? &*workers : &workers.emplace(house.loop(), sim::Workers::Settings{}));
  }
  void use(world::Workers& with, LocalDeliverySettings settings) {
    delivery = std::make_unique<LocalDelivery>(LocalDelivery::World{house.loop(), with, house.log}, format, settings);
  }

  /// A message in the spool, as an attempt for all its recipients.
  Attempt attempt(const std::string& destination, const std::string& text, std::vector<std::string> recipients) {
    const auto count = recipients.size();
    const auto id = house.store(text, std::move(recipients));
    auto loaded = house.load(id.value()).value();
    Attempt made{.destination = destination,
                 .message = std::move(loaded.message),
                 .text = std::move(loaded.text),
                 .recipients = {}};
    for (std::uint32_t place = 0; place < count; ++place) made.recipients.push_back(place);
    return made;
  }
  Attempt attempt(const std::string& user, const std::string& text = "Subject: hi\r\n\r\nhello\r\n") {
    return attempt(user, text, {user + "@example.org"});
  }

  std::vector<AttemptResult> deliver_all(std::vector<Attempt> attempts) {
    std::vector<std::optional<AttemptResult>> results(attempts.size());
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      house.tasks().start(SpoolHouse::keep(delivery->deliver(std::move(attempts[i])), results[i]));
    }
    house.loop().run();
    std::vector<AttemptResult> values;
    for (auto& result : results) values.push_back(result.value());
    return values;
  }
  AttemptResult deliver(Attempt one) {
    std::vector<Attempt> attempts;
    attempts.push_back(std::move(one));
    return deliver_all(std::move(attempts)).front();
  }

  /// The texts in the user's new folder.
  std::vector<std::string> mails(const std::string& user) {
    std::vector<std::string> texts;
    for (const auto& path : house.disk.tree("/mail/" + user + "/new"))
      texts.push_back(house.disk.contents(path).value());
    return texts;
  }

  SpoolHouse house;
  std::optional<sim::Workers> workers;
  sim::SharedFiles files;
  store::MaildirFormat format{house.disk, files, {.root = "/mail", .account = {1000, 1000}}};
  std::unique_ptr<LocalDelivery> delivery;
};

TEST_F(LocalDeliveryTest, AMailStandsInItsMailboxWithItsTraceOnTop) {
  const auto result = deliver(attempt("alice"));
  ASSERT_EQ(result.recipients.size(), 1U);
  EXPECT_EQ(result.recipients[0].what, What::delivered);
  EXPECT_EQ(result.recipients[0].status_code, "2.0.0");
  EXPECT_EQ(result.health, rules::Health::worked);
  EXPECT_EQ(mails("alice"),
            std::vector<std::string>{"Return-Path: <sender@example.net>\nDelivered-To: alice@example.org\n"
                                     "Received: by mx\nSubject: hi\n\nhello\n"});
}

TEST_F(LocalDeliveryTest, WhatWasAnsweredIsDurable) {
  EXPECT_EQ(deliver(attempt("alice")).recipients[0].what, What::delivered);
  sim::LoseAll nothing_else;
  EXPECT_EQ(house.disk.after_power_cut(nothing_else)->tree("/mail/alice/new").size(), 1U);
}

TEST_F(LocalDeliveryTest, MailThatWaitsForOneMailboxMakesOneBatch) {
  std::vector<Attempt> attempts;
  for (int i = 0; i < 40; ++i) attempts.push_back(attempt("alice", "Subject: " + std::to_string(i) + "\r\n\r\n"));
  for (const auto& result : deliver_all(std::move(attempts))) EXPECT_EQ(result.recipients[0].what, What::delivered);
  EXPECT_EQ(mails("alice").size(), 40U);
  EXPECT_LE(delivery->facts().batches, 4U);
  EXPECT_EQ(delivery->facts().delivered, 40U);
}

TEST_F(LocalDeliveryTest, ABatchHasALimit) {
  use(house_workers(), {.batch = 5});
  std::vector<Attempt> attempts;
  for (int i = 0; i < 20; ++i) attempts.push_back(attempt("alice"));
  EXPECT_EQ(deliver_all(std::move(attempts)).size(), 20U);
  EXPECT_EQ(mails("alice").size(), 20U);
  EXPECT_GE(delivery->facts().batches, 4U);
}

TEST_F(LocalDeliveryTest, ALongTextFlowsThroughAndShortOnesTravelWithIt) {
  use(house_workers(), {.held_octets = 1'000});
  std::string body = "Subject: long\r\n\r\n";
  for (int i = 0; i < 40; ++i) body += std::string(98, 'x') + "\r\n";
  std::vector<Attempt> attempts;
  attempts.push_back(attempt("alice"));
  attempts.push_back(attempt("alice", body));
  attempts.push_back(attempt("alice"));
  for (const auto& result : deliver_all(std::move(attempts))) EXPECT_EQ(result.recipients[0].what, What::delivered);
  std::size_t longest = 0;
  for (const auto& mail : mails("alice")) longest = std::max(longest, mail.size());
  const std::string head =
      "Return-Path: <sender@example.net>\nDelivered-To: alice@example.org\nReceived: by mx\nSubject: long\n\n";
  EXPECT_EQ(longest, head.size() + 40U * 99U);
  EXPECT_EQ(mails("alice").size(), 3U);
}

TEST_F(LocalDeliveryTest, TwoRecipientsWithOneMailboxGetAFileEach) {
  const auto result = deliver(attempt("alice", "x\r\n", {"alice@example.org", "alice+tag@example.org"}));
  ASSERT_EQ(result.recipients.size(), 2U);
  EXPECT_EQ(result.recipients[0].recipient, 0U);
  EXPECT_EQ(result.recipients[1].recipient, 1U);
  const auto texts = mails("alice");
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_NE(texts[0].find("Delivered-To: alice@"), std::string::npos);
  EXPECT_NE(texts[1].find("Delivered-To: alice+tag@"), std::string::npos);
}

TEST_F(LocalDeliveryTest, AnEarlierAttemptIsRecognised) {
  auto first = attempt("alice");
  const auto id = first.message.id;
  EXPECT_EQ(deliver(std::move(first)).recipients[0].what, What::delivered);
  const auto name = house.disk.tree("/mail/alice/new").front();
  ASSERT_TRUE(house.disk.move(name, "/mail/alice/cur/" + name.substr(name.rfind('/') + 1) + ":2,S"));
  auto again = house.load(id).value();
  Attempt repeat{.destination = "alice",
                 .message = std::move(again.message),
                 .text = std::move(again.text),
                 .recipients = {0},
                 .may_be_repeat = true};
  EXPECT_EQ(deliver(std::move(repeat)).recipients[0].what, What::delivered);
  EXPECT_EQ(mails("alice").size(), 0U) << "it was read meanwhile";
}

TEST_F(LocalDeliveryTest, AUserWhoIsGoneIsNotTriedAgain) {
  const auto result = deliver(attempt("", "x\r\n", {"gone@example.org"}));
  ASSERT_EQ(result.recipients.size(), 1U);
  EXPECT_EQ(result.recipients[0].what, What::failed);
  EXPECT_EQ(result.recipients[0].status_code, "5.1.1");
}

struct FaultRow {
  std::string name;
  sim::DiskFault fault;
  std::string code;

  friend void PrintTo(const FaultRow& row, std::ostream* out) { *out << row.name; }
};

class LocalDeliveryFaultTest : public LocalDeliveryTest, public ::testing::WithParamInterface<FaultRow> {};

TEST_P(LocalDeliveryFaultTest, DefersThatMailboxAloneAndTellsTheSenderNoPath) {
  house.disk.plan(GetParam().fault);
  std::vector<Attempt> attempts;
  for (const auto* user : {"alice", "bob", "carol"}) attempts.push_back(attempt(user));
  const auto results = deliver_all(std::move(attempts));
  EXPECT_EQ(results[0].recipients[0].what, What::delivered);
  EXPECT_EQ(results[2].recipients[0].what, What::delivered);
  const auto& bad = results[1].recipients[0];
  EXPECT_EQ(bad.what, What::deferred);
  EXPECT_EQ(bad.status_code, GetParam().code);
  EXPECT_EQ(bad.reply.find('/'), std::string::npos) << bad.reply;
  EXPECT_EQ(mails("bob").size(), 0U);
  EXPECT_EQ(house.disk.tree("/mail/bob/tmp"), std::vector<std::string>{});
  EXPECT_TRUE(house.log.has("mailbox.failed") || house.log.has("mailbox.unusable"));
}

using enum sim::DiskOperation;
INSTANTIATE_TEST_SUITE_P(
    Rows, LocalDeliveryFaultTest,
    ::testing::Values(
        FaultRow{"NoRight", {.operation = open_folder, .error = Error::Kind::not_permitted, .path = "bob"}, "4.3.0"},
        FaultRow{"ALink", {.operation = open_folder, .error = Error::Kind::is_link, .path = "bob"}, "4.3.0"},
        FaultRow{"DiskFull", {.operation = write, .error = Error::Kind::no_space, .path = "bob"}, "4.3.1"},
        FaultRow{"NoInode", {.operation = create_file, .error = Error::Kind::no_space, .path = "bob"}, "4.3.1"},
        FaultRow{"Quota", {.operation = write, .error = Error::Kind::over_quota, .path = "bob"}, "4.2.2"},
        FaultRow{"QuotaAtTheSync", {.operation = sync_data, .error = Error::Kind::over_quota, .path = "bob"}, "4.2.2"},
        FaultRow{"DiskDies", {.operation = sync_data, .path = "bob"}, "4.3.0"},
        FaultRow{"ReadOnly", {.operation = create_file, .error = Error::Kind::read_only, .path = "bob"}, "4.3.0"},
        FaultRow{
            "NoDescriptor", {.operation = create_file, .error = Error::Kind::too_many_files, .path = "bob"}, "4.3.0"},
        FaultRow{"Rename", {.operation = rename, .path = "bob"}, "4.3.0"}),
    [](const auto& row) { return row.param.name; });

TEST_F(LocalDeliveryTest, OneBadMailOfABatchIsDeferredAlone) {
  std::vector<Attempt> attempts;
  for (int i = 0; i < 3; ++i) attempts.push_back(attempt("alice"));
  house.disk.plan({.operation = rename, .skip = 1, .path = "/mail/alice/tmp"});
  int delivered = 0;
  for (const auto& result : deliver_all(std::move(attempts)))
    delivered += result.recipients[0].what == What::delivered ? 1 : 0;
  EXPECT_EQ(delivered, 2);
  EXPECT_EQ(mails("alice").size(), 2U);
}

TEST_F(LocalDeliveryTest, ADamagedTextIsNotDeliveredAndNotTriedForEver) {
  for (const std::uint64_t held_octets : {100'000U, 100U}) {  // read before the batch, and while it is written
    use(house_workers(), {.held_octets = held_octets});
    auto message = testing::message_to(house.spool().new_id(), {"alice@example.org"}, "");
    message.body = house.body(message.id, "Subject: hi\r\n\r\n" + std::string(3'000, 'x') + "\r\n").value();
    const auto id = message.id;
    ASSERT_TRUE(house.commit(std::move(message)));
    ASSERT_TRUE(house.disk.corrupt("/state/spool/bodies/" + id.to_string(), 2'000, "y"));
    auto loaded = house.load(id).value();
    ASSERT_FALSE(loaded.message.damaged) << "found out while reading";
    Attempt bad{.destination = "alice",
                .message = std::move(loaded.message),
                .text = std::move(loaded.text),
                .recipients = {0}};
    const auto result = deliver(std::move(bad));
    EXPECT_EQ(result.recipients[0].what, What::failed);
    EXPECT_EQ(result.recipients[0].status_code, "5.3.0");
    EXPECT_EQ(mails("alice").size(), 0U);
    EXPECT_EQ(house.disk.tree("/mail/alice/tmp"), std::vector<std::string>{});
  }
}

TEST_F(LocalDeliveryTest, AMailboxThatHangsHoldsUpNoOther) {
  HeldWorkers held;
  use(held, {});
  auto slow = attempt("slow");
  auto quick = attempt("quick");
  std::optional<AttemptResult> slow_result;
  std::optional<AttemptResult> quick_result;
  house.tasks().start(SpoolHouse::keep(delivery->deliver(std::move(slow)), slow_result));
  house.loop().run();
  house.tasks().start(SpoolHouse::keep(delivery->deliver(std::move(quick)), quick_result));
  house.loop().run();
  ASSERT_EQ(held.jobs.size(), 2U);
  held.run_last();
  house.loop().run();
  EXPECT_TRUE(quick_result) << "its own job is all it waits for";
  EXPECT_FALSE(slow_result);
  EXPECT_EQ(delivery->facts().mailboxes_busy, 1U);
  held.run_first();
  house.loop().run();
  EXPECT_TRUE(slow_result);
}

TEST_F(LocalDeliveryTest, MailboxesTakeTurns) {
  HeldWorkers held;
  use(held, {.batch = 1, .mailboxes = 1});
  std::vector<Attempt> attempts;
  for (int i = 0; i < 3; ++i) attempts.push_back(attempt("busy"));
  attempts.push_back(attempt("other"));
  std::vector<std::optional<AttemptResult>> results(attempts.size());
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    house.tasks().start(SpoolHouse::keep(delivery->deliver(std::move(attempts[i])), results[i]));
  }
  house.loop().run();
  ASSERT_EQ(held.jobs.size(), 1U) << "one mailbox at a time";
  EXPECT_EQ(delivery->facts().mailboxes_waiting, 1U);
  for (int turn = 0; turn < 2; ++turn) {
    held.run_first();
    house.loop().run();
  }
  EXPECT_TRUE(results[0]);
  EXPECT_TRUE(results[3]) << "the other's turn came before the busy one's second";
  EXPECT_FALSE(results[2]);
  while (!held.jobs.empty()) {
    held.run_first();
    house.loop().run();
  }
  EXPECT_TRUE(results[2]);
}

TEST_F(LocalDeliveryTest, ForSystemUsersTheAccountIsAskedAndAFaultDefers) {
  house.disk.set_account(0, 0);
  store::MaildirFormat as_root{house.disk, files, {.root = "/mail", .account = {0, 0}}};
  const auto owner_of = [](const mail::UserName& user) -> Result<std::optional<store::MailboxOwner>> {
    if (user.text() == "nobody") return failure(Error::Kind::not_found, "no such account");
    return store::MailboxOwner{2000, 2000};
  };
  delivery =
      std::make_unique<LocalDelivery>(LocalDelivery::World{house.loop(), house_workers(), house.log},
                                      std::make_unique<UserMailboxes>(as_root, owner_of), LocalDeliverySettings{});
  EXPECT_EQ(deliver(attempt("alice")).recipients[0].what, What::delivered);
  EXPECT_EQ(house.disk.open_root("/mail/alice").value()->facts().value().user, 2000U);
  const auto result = deliver(attempt("nobody"));
  EXPECT_EQ(result.recipients[0].what, What::deferred);
  EXPECT_EQ(result.health, rules::Health::unreachable);
}

TEST_F(LocalDeliveryTest, NumberedMailboxesKeepTheOrderOfArrival) {
  store::NumberedFormat numbered{house.disk, files, {.root = "/mail", .account = {1000, 1000}}};
  delivery = std::make_unique<LocalDelivery>(LocalDelivery::World{house.loop(), house_workers(), house.log}, numbered,
                                             LocalDeliverySettings{});
  std::vector<Attempt> attempts;
  for (int i = 1; i <= 5; ++i) attempts.push_back(attempt("alice", "Subject: " + std::to_string(i) + "\r\n\r\n"));
  EXPECT_EQ(deliver_all(std::move(attempts)).size(), 5U);
  for (int i = 1; i <= 5; ++i) {
    const auto text = house.disk.contents("/mail/alice/" + std::to_string(i) + ".txt").value_or("");
    EXPECT_NE(text.find("Subject: " + std::to_string(i) + "\n"), std::string::npos) << text;
  }
}

TEST_F(LocalDeliveryTest, MailForOtherServersIsHandedOverOncePerDomain) {
  store::HandOverFormat folders{house.disk, {.root = "/mail", .account = {1000, 1000}}};
  delivery = std::make_unique<LocalDelivery>(LocalDelivery::World{house.loop(), house_workers(), house.log},
                                             std::make_unique<HandOverPlaces>(folders), LocalDeliverySettings{});
  const auto result = deliver(attempt("far.example", "Subject: x\r\n\r\n", {"a@far.example", "b@far.example"}));
  ASSERT_EQ(result.recipients.size(), 2U);
  EXPECT_EQ(result.recipients[1].what, What::delivered);
  const auto letters = house.disk.tree("/mail/.OTHER_SERVERS/far.example");
  ASSERT_EQ(letters.size(), 2U) << "the letter and error/";
  EXPECT_EQ(house.disk.contents(letters[0]),
            "Return-Path: <sender@example.net>\nX-Envelope-To: a@far.example\nX-Envelope-To: b@far.example\n"
            "Received: by mx\nSubject: x\n\n");
}

}  // namespace
}  // namespace posthorn::service
