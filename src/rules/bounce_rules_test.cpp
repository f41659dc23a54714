#include "rules/bounce_rules.hpp"

#include <gtest/gtest.h>

namespace posthorn::rules {
namespace {

using namespace std::chrono_literals;
using mail::Address;
using mail::DeliveryAction;
using What = RecipientEvent::What;

const Address alice = Address::parse("alice@example.org").value();
const Address postmaster = Address::parse("postmaster@us.example").value();
const BounceSettings settings{.postmaster = postmaster};
constexpr WallTime now{1'000'000s};

mail::Envelope envelope_with(std::optional<Address> sender, mail::Notify notify, std::size_t recipients = 1) {
  mail::Envelope envelope;
  envelope.sender = std::move(sender);
  for (std::size_t i = 0; i < recipients; ++i) {
    envelope.recipients.push_back({Address::parse("r" + std::to_string(i) + "@dest.example").value(), notify, {}});
  }
  return envelope;
}

std::optional<ReportPlan> plan(const mail::Envelope& envelope, const RecipientEvent& event, Duration age = 5h,
                               const BounceSettings& with = settings) {
  return plan_report(with, {envelope, age, now}, std::span(&event, 1));
}

TEST(BounceRules, WhatIsToldGoesByNotify) {
  struct Row {
    const char* name;
    mail::Notify notify;
    What what;
    std::optional<DeliveryAction> told;
  };
  constexpr mail::Notify nothing_said{};
  constexpr mail::Notify never{.never = true};
  constexpr mail::Notify success{.success = true};
  constexpr mail::Notify failure{.failure = true};
  constexpr mail::Notify delay{.delay = true};
  for (const auto& row : {
           Row{"failed", nothing_said, What::failed, DeliveryAction::failed},
           Row{"failed, asked for", failure, What::failed, DeliveryAction::failed},
           Row{"failed, only success asked for", success, What::failed, std::nullopt},
           Row{"failed, only delay asked for", delay, What::failed, std::nullopt},
           Row{"failed, never", never, What::failed, std::nullopt},
           Row{"expired", nothing_said, What::expired, DeliveryAction::failed},
           Row{"expired, never", never, What::expired, std::nullopt},
           Row{"late", nothing_said, What::deferred, DeliveryAction::delayed},
           Row{"late, asked for", delay, What::deferred, DeliveryAction::delayed},
           Row{"late, only failure asked for", failure, What::deferred, std::nullopt},
           Row{"late, never", never, What::deferred, std::nullopt},
           Row{"delivered", nothing_said, What::delivered, std::nullopt},
           Row{"delivered, asked for", success, What::delivered, DeliveryAction::delivered},
           Row{"delivered, only failure asked for", failure, What::delivered, std::nullopt},
           Row{"relayed", nothing_said, What::relayed, std::nullopt},
           Row{"relayed, asked for", success, What::relayed, DeliveryAction::relayed},
           Row{"passed on, asked for", success, What::passed_on, std::nullopt},
       }) {
    const auto envelope = envelope_with(alice, row.notify);
    const auto report = plan(envelope, {.what = row.what});
    ASSERT_EQ(report.has_value(), row.told.has_value()) << row.name;
    EXPECT_EQ(owes_report(settings, {envelope, 5h, now}, {.what = row.what}), row.told.has_value()) << row.name;
    if (!report) continue;
    EXPECT_EQ(report->to, alice) << row.name;
    EXPECT_EQ(report->recipients.front().action, *row.told) << row.name;
  }
}

TEST(BounceRules, ADelayIsToldOnceAndWhenItsTimeHasCome) {
  const auto envelope = envelope_with(alice, {});
  EXPECT_FALSE(plan(envelope, {.what = What::deferred}, 3h));
  const auto report = plan(envelope, {.what = What::deferred}, 4h);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->warned, std::vector<std::uint32_t>{0});
  EXPECT_EQ(report->recipients.front().will_retry_until, now + 116h);
  EXPECT_FALSE(plan(envelope, {.what = What::deferred, .warned = true}, 100h));
  EXPECT_FALSE(plan(envelope, {.what = What::deferred}, 100h, {.warn = 0s}));
}

TEST(BounceRules, NoReportAnswersAMessageWithoutSender) {
  const auto bounce = envelope_with(std::nullopt, {});
  for (const auto what : {What::deferred, What::delivered, What::relayed, What::passed_on}) {
    EXPECT_FALSE(plan(bounce, {.what = what}));
  }
  for (const auto what : {What::failed, What::expired}) {
    const auto report = plan(bounce, {.what = what});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->to, postmaster);
    EXPECT_FALSE(plan(bounce, {.what = what}, 5h, {})) << "without a postmaster nobody hears of it";
  }
  EXPECT_FALSE(plan(envelope_with(std::nullopt, {.success = true}), {.what = What::delivered}));
  EXPECT_FALSE(plan(envelope_with(std::nullopt, {.never = true}), {.what = What::failed}));
}

TEST(BounceRules, AReportThatThePostmasterCannotGetEndsThere) {
  mail::Envelope envelope;
  envelope.recipients.push_back({.address = postmaster});
  EXPECT_FALSE(plan(envelope, {.what = What::failed}));
}

TEST(BounceRules, OneReportHoldsAllRecipientsThatAreOwedAndNoOther) {
  auto envelope = envelope_with(alice, {}, 5);
  envelope.recipients[1].notify = {.never = true};
  envelope.recipients[3].original = {"rfc822", "other@example.net"};
  const std::vector<RecipientEvent> events{
      {.recipient = 0,
       .what = What::failed,
       .status = {5, 1, 1},
       .reply = "550 5.1.1 no",
       .remote_host = "mx.dest.example"},
      {.recipient = 1, .what = What::failed},
      {.recipient = 2, .what = What::delivered},
      {.recipient = 3, .what = What::deferred, .status = {4, 2, 2}},
      {.recipient = 4, .what = What::deferred, .warned = true},
  };
  const auto report = plan_report(settings, {envelope, 5h, now}, events);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->places, (std::vector<std::uint32_t>{0, 3}));
  EXPECT_EQ(report->warned, (std::vector<std::uint32_t>{3}));
  const auto& failed = report->recipients[0];
  EXPECT_EQ(failed.recipient, envelope.recipients[0].address);
  EXPECT_EQ(failed.status, (mail::EnhancedStatus{5, 1, 1}));
  EXPECT_EQ(failed.reply, "550 5.1.1 no");
  EXPECT_EQ(failed.remote_host, "mx.dest.example");
  EXPECT_EQ(report->recipients[1].original, envelope.recipients[3].original);
}

TEST(BounceRules, AnExpiredStatusIsPermanent) {
  struct Row {
    mail::EnhancedStatus last;
    mail::EnhancedStatus expired;
  };
  for (const auto& [last, expired] : {Row{{4, 2, 2}, {5, 2, 2}}, Row{{4, 4, 1}, {5, 4, 7}}, Row{{4, 4, 3}, {5, 4, 7}},
                                      Row{{4, 0, 0}, {5, 4, 7}}, Row{{4, 7, 1}, {5, 7, 1}}}) {
    EXPECT_EQ(expired_status(last), expired) << last.to_string();
  }
}

TEST(BounceRules, AnExpiredMessageTellsWhy) {
  const auto envelope = envelope_with(alice, {});
  const auto report =
      plan(envelope, {.what = What::expired, .reason = "connection refused", .outcome_unknown = true}, 120h);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->recipients.front().reason,
            "It could not be delivered for 5d. The last time: connection refused. It may have arrived nevertheless: a "
            "connection broke before the answer.");
}

TEST(BounceRules, AReportHasNoSender) {
  const auto envelope = report_envelope(alice, {.text = "", .body = mail::BodyType::eight_bit, .smtputf8 = true});
  EXPECT_FALSE(envelope.sender);
  ASSERT_EQ(envelope.recipients.size(), 1U);
  EXPECT_EQ(envelope.recipients.front().address, alice);
  EXPECT_EQ(envelope.body, mail::BodyType::eight_bit);
  EXPECT_TRUE(envelope.smtputf8);
  EXPECT_FALSE(plan(envelope, {.what = What::failed}, 5h, {})) << "and so none answers it";
}

}  // namespace
}  // namespace posthorn::rules
