#include "rules/bounce_rules.hpp"

#include "base/assert.hpp"
#include "base/planted_fault.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace posthorn::rules {
namespace {

using What = RecipientEvent::What;
using mail::DeliveryAction;

/// What would be told of it, if somebody wants to know; none: nothing.
std::optional<DeliveryAction> action_of(What what) {
  switch (what) {
    case What::delivered:
      return DeliveryAction::delivered;
    case What::passed_on:
      return std::nullopt;
    case What::relayed:
      return DeliveryAction::relayed;
    case What::deferred:
      return DeliveryAction::delayed;
    case What::failed:
    case What::expired:
      return DeliveryAction::failed;
  }
  bug("an event has a name");
}

bool is_wanted(const mail::Notify& notify, DeliveryAction action) {
  if (planted(PlantedFault::report_although_never_wanted) && action == DeliveryAction::failed) return true;
  switch (action) {
    // RFC 3461 §5.2.3 and §5.2.2 (b), (e)
    case DeliveryAction::delivered:
    case DeliveryAction::relayed:
    case DeliveryAction::expanded:
      return notify.wants_success();
    // RFC 3461 §5.2.5
    case DeliveryAction::delayed:
      return notify.wants_delay();
    // RFC 3461 §5.2.6
    case DeliveryAction::failed:
      return notify.wants_failure();
  }
  bug("an action has a name");
}

/// The time of a warning has come, and it is the first.
bool is_late(const BounceSettings& settings, const ReportedMessage& message, const RecipientEvent& event) {
  const bool was_told = event.warned && !planted(PlantedFault::report_of_delay_repeated);
  return settings.warn > Duration::zero() && message.age >= settings.warn && !was_told;
}

/// RFC 5321 §6.1: no report to the null reverse-path. The postmaster hears of the failure, unless he is whom it could not
/// be delivered to.
bool is_for_postmaster(const BounceSettings& settings, const mail::Recipient& recipient, DeliveryAction action) {
  const bool has_failed = action == DeliveryAction::failed;
  return has_failed && settings.postmaster && recipient.address != *settings.postmaster && !recipient.notify.never;
}

std::string reason_of(const ReportedMessage& message, const RecipientEvent& event) {
  if (event.what == What::expired) {
    const auto last = event.reason.empty() ? std::string{} : fmt::format(" The last time: {}.", event.reason);
    const auto doubt =
        event.outcome_unknown ? " It may have arrived nevertheless: a connection broke before the answer." : "";
    return fmt::format("It could not be delivered for {}.{}{}", to_text(message.age), last, doubt);
  }
  return event.reason;
}

mail::ReportedRecipient describe(const BounceSettings& settings, const ReportedMessage& message,
                                 const RecipientEvent& event, DeliveryAction action) {
  const auto& recipient = message.envelope.recipients.at(event.recipient);
  mail::ReportedRecipient told{.recipient = recipient.address,
                               .original = recipient.original,
                               .action = action,
                               .status = event.what == What::expired ? expired_status(event.status) : event.status,
                               .reason = reason_of(message, event),
                               .remote_host = event.remote_host,
                               .reply = event.reply,
                               .last_attempt = event.last_attempt,
                               .will_retry_until = std::nullopt};
  if (action == DeliveryAction::delayed) {
    const auto left = std::max(settings.expire - message.age, Duration::zero());
    told.will_retry_until = message.now + std::chrono::duration_cast<WallClock::duration>(left);
  }
  return told;
}

}  // namespace

mail::EnhancedStatus expired_status(const mail::EnhancedStatus& last) {
  const bool is_about_the_way = last.subject() == 4 || (last.subject() == 0 && last.detail() == 0);
  return is_about_the_way ? mail::EnhancedStatus{5, 4, 7} : mail::EnhancedStatus{5, last.subject(), last.detail()};
}

bool owes_report(const BounceSettings& settings, const ReportedMessage& message, const RecipientEvent& event) {
  const auto action = action_of(event.what);
  if (!action || (*action == DeliveryAction::delayed && !is_late(settings, message, event))) return false;
  const auto& recipient = message.envelope.recipients.at(event.recipient);
  if (!message.envelope.sender) return is_for_postmaster(settings, recipient, *action);
  return is_wanted(recipient.notify, *action);
}

std::optional<ReportPlan> plan_report(const BounceSettings& settings, const ReportedMessage& message,
                                      std::span<const RecipientEvent> events) {
  const auto& to = message.envelope.sender ? message.envelope.sender : settings.postmaster;
  if (!to) return std::nullopt;
  ReportPlan plan{.to = *to, .recipients = {}, .places = {}, .warned = {}};
  for (const auto& event : events) {
    // RFC 3461 §5.2.8: nothing about recipients of whom nothing is owed.
    if (!owes_report(settings, message, event)) continue;
    const auto action = *action_of(event.what);
    plan.recipients.push_back(describe(settings, message, event, action));
    plan.places.push_back(event.recipient);
    if (action == DeliveryAction::delayed) plan.warned.push_back(event.recipient);
  }
  return plan.recipients.empty() ? std::nullopt : std::optional{std::move(plan)};
}

mail::Envelope report_envelope(const mail::Address& to, const mail::ReportMessage& report) {
  mail::Envelope envelope;
  envelope.recipients.push_back({.address = to});
  if (planted(PlantedFault::report_has_a_sender)) envelope.sender = to;
  envelope.body = report.body;
  envelope.smtputf8 = report.smtputf8;
  return envelope;
}

}  // namespace posthorn::rules
