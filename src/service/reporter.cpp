#include "service/reporter.hpp"

#include "service/recipient_steps.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

Duration age_of(std::span<const RoundEvent> round) {
  Duration age{};
  for (const auto& each : round) age = std::max<Duration>(age, each.state.age);
  return age;
}

}  // namespace

rules::ReportedMessage Reporter::about(const store::StoredMessage& message, Duration age) const {
  return {.envelope = message.envelope, .age = age, .now = world_.loop.clock().wall()};
}

bool Reporter::owes_report(const store::StoredMessage& message, const RoundEvent& round) const {
  return rules::owes_report(settings_.bounce, about(message, round.state.age), round.event);
}

world::Task<Result<>> Reporter::report(const store::StoredMessage& message, std::vector<RoundEvent> round) {
  std::vector<rules::RecipientEvent> events;
  for (const auto& each : round) events.push_back(each.event);
  auto plan = rules::plan_report(settings_.bounce, about(message, age_of(round)), events);
  if (!plan) co_return Result<>{};
  const auto text = co_await beginning_of(message.id);
  const auto id = world_.spool.new_id();
  const mail::DeliveryReport report{.id = id,
                                    .to = plan->to,
                                    .reporting_host = settings_.hostname,
                                    .now = world_.loop.clock().wall(),
                                    .message_id = message.id,
                                    .arrival = message.arrival,
                                    .envelope_id = message.envelope.envelope_id,
                                    .return_content = message.envelope.return_content,
                                    .message = text,
                                    .message_is_whole = text.size() == message.octets,
                                    .recipients = plan->recipients};
  auto built = mail::build_delivery_report(report, settings_.report);
  store::NewMessage bounce{.id = id};
  bounce.envelope = world_.gatekeeper.expand(rules::report_envelope(plan->to, built)).envelope;
  if (bounce.envelope.recipients.empty()) bounce.envelope = rules::report_envelope(plan->to, built);
  // What tells the postmaster and fails ends there, also where an alias or a redirect leads on to another address: a report
  // about it would go the same way.
  if (plan->to == settings_.bounce.postmaster) {
    for (auto& recipient : bounce.envelope.recipients) recipient.notify.never = true;
  }
  bounce.arrival = report.now;
  bounce.delivery_name = world_.names.make(bounce.arrival, bounce.envelope.recipients.size());
  bounce.origin = {.door = store::Origin::Door::report};
  bounce.body = std::move(built.text);
  bounce.settles = settlement(*plan, message.id, id, round);
  auto groups = groups_of(bounce.envelope, world_.routes);
  auto stored = co_await world_.spool.commit(world_.loop, std::move(bounce));
  if (!stored) co_return stored;
  world_.log.info("report.queued", {{"message", id}, {"about", message.id}, {"to", plan->to.to_string()}});
  world_.accepted(id, std::move(groups));
  co_return Result<>{};
}

store::Settlement Reporter::settlement(const rules::ReportPlan& plan, MessageId about, MessageId report,
                                       std::span<const RoundEvent> round) const {
  store::Settlement settlement{.message = about, .outcomes = {}};
  for (const auto place : plan.places) {
    const auto found = std::ranges::find(round, place, [](const RoundEvent& each) { return each.event.recipient; });
    auto state = found->state;
    state.report_due = false;
    state.report = report;
    if (std::ranges::find(plan.warned, place) != plan.warned.end()) state.warned = true;
    settlement.outcomes.push_back({place, std::move(state)});
  }
  return settlement;
}

/// As much of the text as a report could return; empty when it cannot be read any more.
world::Task<std::string> Reporter::beginning_of(MessageId id) {
  std::string text;
  auto loaded = co_await world_.spool.load(world_.loop, id);
  if (!loaded || loaded->message.damaged) co_return text;
  while (text.size() < settings_.report.full_octets) {
    const auto piece = co_await loaded->text.next(world_.loop);
    if (!piece || piece->empty()) break;
    text += *piece;
  }
  co_return text;
}

RoundEvent round_event_of(std::uint32_t recipient, const store::RecipientState& state) {
  using What = rules::RecipientEvent::What;
  rules::RecipientEvent event{.recipient = recipient, .outcome_unknown = state.ambiguous > 0, .warned = state.warned};
  event.what = state.status == store::RecipientStatus::failed ? What::failed : What::relayed;
  if (has_expired(state)) event.what = What::expired;
  event.last_attempt = last_attempt_of(state);
  event.status = mail::EnhancedStatus::parse(state.status_code).value_or(mail::EnhancedStatus{5, 0, 0});
  event.remote_host = state.remote_host;
  (state.remote_host.empty() ? event.reason : event.reply) = state.reply;
  return {std::move(event), state};
}

}  // namespace posthorn::service
