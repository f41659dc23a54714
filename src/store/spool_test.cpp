// The spool as its callers see it, on the simulated disk. Power cuts: tests/crash/.
#include "store/spool.hpp"

#include "support/spool_house.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::store {
namespace {

using namespace std::chrono_literals;
using testing::message_to;
using testing::outcome;
using testing::SpoolHouse;

void expect_ok(const Result<>& result) { EXPECT_TRUE(result) << result.error().text; }

TEST(Spool, AMessageIsReadBackAsItWasStored) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto id = house.spool().new_id();
  auto message = message_to(id, {"alice@example.org", "bob@example.org"}, "Subject: hello\r\n\r\nHello.\r\n");
  const auto envelope = message.envelope;
  const auto name = message.delivery_name;
  const auto origin = message.origin;
  expect_ok(house.commit(std::move(message)));

  const auto loaded = house.load(id);
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->message.envelope, envelope);
  EXPECT_EQ(loaded->message.delivery_name, name);
  EXPECT_EQ(loaded->message.origin, origin);
  EXPECT_EQ(loaded->message.states.size(), 2U);
  EXPECT_EQ(loaded->message.octets, 43U);
  EXPECT_EQ(house.text_of(id), "Received: by mx\r\nSubject: hello\r\n\r\nHello.\r\n");
}

TEST(Spool, WhatWasStoredIsThereAfterAPowerCut) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto id = house.store("one\r\n");
  ASSERT_TRUE(id);
  house.power_cut();
  ASSERT_TRUE(house.start());
  EXPECT_EQ(house.report.messages, 1U);
  EXPECT_EQ(house.report.damages.size(), 0U);
  EXPECT_EQ(house.text_of(*id), "Received: by mx\r\none\r\n");
}

TEST(Spool, WhatAStartCannotReadIsNamedAndComesBack) {
  for (std::uint64_t reads = 0; reads < 12; ++reads) {
    SpoolHouse house;
    ASSERT_TRUE(house.start());
    const auto id = house.store(std::string(600, 'x') + "\r\n");
    ASSERT_TRUE(id);
    house.power_cut();
    house.disk.plan(
        {.operation = sim::DiskOperation::read, .skip = reads, .times = sim::DiskFault::always, .path = "/segment-"});
    if (house.start() && !house.spool().find(*id)) EXPECT_FALSE(house.report.damages.empty()) << reads << " reads";
    house.disk.forget_plan();
    house.power_cut();
    ASSERT_TRUE(house.start());
    EXPECT_TRUE(house.spool().find(*id)) << reads << " reads";
  }
}

TEST(Spool, OutcomesAreKeptAndAFinishedMessageIsForgotten) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto id = house.store("one\r\n", {"alice@example.org", "bob@example.org"});
  ASSERT_TRUE(id);
  auto later = outcome(1, RecipientStatus::queued, "451 later");
  later.state.next_attempt = WallTime{1'790'000'300s};
  later.state.remote_host = "mx.example.com";
  expect_ok(house.record(*id, {outcome(0, RecipientStatus::delivered), later}));
  ASSERT_TRUE(house.restart());

  const auto live = house.spool().find(*id);
  ASSERT_TRUE(live);
  EXPECT_EQ(live->recipients.at(0).status, RecipientStatus::delivered);
  EXPECT_EQ(live->recipients.at(1).status, RecipientStatus::queued);
  EXPECT_EQ(live->recipients.at(1).next_attempt, WallTime{1'790'000'300s});
  const auto loaded = house.load(*id);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->message.states.at(1), later.state);

  expect_ok(house.record(*id, {outcome(1, RecipientStatus::delivered)}));
  EXPECT_FALSE(house.spool().find(*id));
  EXPECT_EQ(house.load(*id).error().kind, Error::Kind::not_found);
  ASSERT_TRUE(house.restart());
  EXPECT_EQ(house.report.messages, 0U);
}

TEST(Spool, WhatIsStillInMemoryIsGivenOnlyAsLongAsNothingWasRecorded) {
  SpoolHouse::Options options;
  options.spool.segment_octets = 1U << 20;
  SpoolHouse house{options};
  ASSERT_TRUE(house.start());
  const auto id = house.store("one\r\n", {"alice@example.org", "bob@example.org"});
  ASSERT_TRUE(id);
  const auto fresh = house.load(*id);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->message.envelope.recipients.size(), 2U);
  EXPECT_EQ(fresh->message.octets, 22U);
  EXPECT_EQ(house.text_of(*id), "Received: by mx\r\none\r\n");

  const auto later = outcome(1, RecipientStatus::queued, "451 later");
  expect_ok(house.record(*id, {outcome(0, RecipientStatus::delivered), later}));
  const auto loaded = house.load(*id);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->message.states.at(0).status, RecipientStatus::delivered);
  EXPECT_EQ(loaded->message.states.at(1), later.state);
  EXPECT_EQ(house.text_of(*id), "Received: by mx\r\none\r\n");
  expect_ok(house.record(*id, {outcome(1, RecipientStatus::delivered)}));
  EXPECT_EQ(house.load(*id).error().kind, Error::Kind::not_found) << "it is not in memory for ever";
}

TEST(Spool, AFinalRecipientKeepsItsState) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto id = house.store("one\r\n", {"alice@example.org", "bob@example.org"});
  expect_ok(house.record(*id, {outcome(0, RecipientStatus::delivered)}));
  expect_ok(house.record(*id, {outcome(0, RecipientStatus::failed), outcome(7, RecipientStatus::failed)}));
  EXPECT_EQ(house.spool().find(*id)->recipients.at(0).status, RecipientStatus::delivered);
}

TEST(Spool, AMessageStaysWhileItsSenderMustStillBeTold) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto id = house.store("one\r\n");
  auto failed = outcome(0, RecipientStatus::failed, "550 no");
  failed.state.report_due = true;
  expect_ok(house.record(*id, {failed}));
  EXPECT_TRUE(house.spool().find(*id));

  auto report = message_to(house.spool().new_id(), {"sender@example.net"}, "It failed.\r\n");
  report.envelope.sender.reset();
  failed.state.report_due = false;
  failed.state.report = report.id;
  report.settles = Settlement{*id, {failed}};
  const auto report_id = report.id;
  expect_ok(house.commit(std::move(report)));
  EXPECT_FALSE(house.spool().find(*id)) << "the report and the end of the message are one record";
  house.power_cut();
  ASSERT_TRUE(house.start());
  EXPECT_FALSE(house.spool().find(*id));
  EXPECT_TRUE(house.spool().find(report_id));
}

TEST(Spool, LiveMessagesComeInTheOrderOfTheirArrival) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  std::vector<MessageId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(*house.store("x\r\n"));
  ASSERT_TRUE(house.restart());
  ids.push_back(*house.store("x\r\n"));
  std::vector<MessageId> seen;
  for (auto some = house.spool().live_after(MessageId{}, 2); !some.empty();
       some = house.spool().live_after(seen.back(), 2)) {
    EXPECT_LE(some.size(), 2U);
    for (const auto& message : some) seen.push_back(message.id);
  }
  EXPECT_EQ(seen, ids);
  const auto listed = house.wait_for(house.spool().load_next(house.loop(), ids.at(2), 10));
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed.at(0).id, ids.at(3));
}

TEST(Spool, AListTellsOfEachMessageWhatItsEnvelopeTells) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  for (int i = 0; i < 40; ++i) {  // small ones side by side, large ones between them
    const std::string text(i % 7 == 3 ? 3'000 : 200, 'x');
    std::vector<std::string> recipients{"alice@example.org", "bob@example.org"};
    if (i % 11 == 6) recipients.resize(40, "carl@example.org");
    const auto id = house.store(text + "\r\n", recipients);
    ASSERT_TRUE(id) << id.error().text;
    if (i % 5 == 2) expect_ok(house.record(*id, {outcome(1, RecipientStatus::queued, "451 later")}));
  }
  const auto listed = house.wait_for(house.spool().load_next(house.loop(), MessageId{}, 64));
  ASSERT_EQ(listed.size(), 40U);
  for (const auto& message : listed) {
    const auto alone = house.wait_for(house.spool().load_envelope(house.loop(), message.id));
    ASSERT_TRUE(alone);
    EXPECT_EQ(message.states, alone->states);
    EXPECT_EQ(message.octets, alone->octets);
    EXPECT_EQ(message.envelope.recipients.size(), message.states.size());
    EXPECT_EQ(message.envelope.recipients.at(1).address.to_string(), "bob@example.org");
  }
}

TEST(Spool, IdsAreNeverGivenTwice) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto first = house.spool().new_id();
  EXPECT_LT(first, house.spool().new_id());
  house.power_cut();
  ASSERT_TRUE(house.start());
  EXPECT_LT(MessageId{first.value() + 1}, house.spool().new_id());
  EXPECT_FALSE(house.spool().is_of_this_start(first));
}

TEST(Spool, ALargeBodyHasAFileUntilItsMessageIsGone) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto id = house.spool().new_id();
  const std::string text = std::string(1300, 'x') + "\r\n";
  auto body = house.body(id, text);
  ASSERT_TRUE(body) << body.error().text;
  auto message = message_to(id, {"alice@example.org"}, "");
  message.body = *std::move(body);
  expect_ok(house.commit(std::move(message)));
  house.power_cut();
  ASSERT_TRUE(house.start());
  EXPECT_EQ(house.text_of(id), "Received: by mx\r\n" + text);
  EXPECT_EQ(house.disk.contents("/state/spool/bodies/" + id.to_string()), text) << "unencoded";
  expect_ok(house.record(id, {outcome(0, RecipientStatus::delivered)}));
  house.run_for(1s);
  EXPECT_FALSE(house.disk.contents("/state/spool/bodies/" + id.to_string()));
}

TEST(Spool, ABodyThatIsDroppedLeavesNoFile) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto id = house.spool().new_id();
  {
    auto body = house.body(id, std::string(1300, 'x'));
  }
  house.run_for(1s);
  EXPECT_FALSE(house.disk.contents("/state/spool/bodies/" + id.to_string()));
}

TEST(Spool, ABodyLeftByACrashIsRemovedAtTheNextStart) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto id = house.spool().new_id();
  auto body = house.body(id, std::string(1300, 'x'));
  body->keep();
  ASSERT_TRUE(house.restart());
  EXPECT_EQ(house.report.bodies_removed, 1U);
  EXPECT_FALSE(house.disk.contents("/state/spool/bodies/" + id.to_string()));
}

TEST(Spool, MailIsTakenBeforeRecoveryHasRead) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto old = house.store("old\r\n");
  house.kill();
  ASSERT_TRUE(house.open());
  const auto fresh = house.store("new\r\n");
  ASSERT_TRUE(fresh);
  EXPECT_EQ(house.record(*old, {outcome(0, RecipientStatus::delivered)}).error().kind, Error::Kind::in_use);
  ASSERT_TRUE(house.recover());
  EXPECT_EQ(house.report.messages, 1U);
  EXPECT_EQ(house.text_of(*old), "Received: by mx\r\nold\r\n");
  expect_ok(house.record(*old, {outcome(0, RecipientStatus::delivered)}));
  EXPECT_TRUE(house.spool().find(*fresh));
}

}  // namespace
}  // namespace posthorn::store
