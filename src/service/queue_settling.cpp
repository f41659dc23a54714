// QueueManager: the end of an attempt. The outcome is recorded, then reported, then the plan goes on.
#include "base/planted_fault.hpp"
#include "service/history_lines.hpp"
#include "service/queue_manager.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

using What = RecipientResult::What;
using Status = store::RecipientStatus;

std::string_view event_of(What what) {
  switch (what) {
    case What::delivered:
      return "recipient.delivered";
    case What::deferred:
      return "recipient.deferred";
    case What::failed:
      return "recipient.failed";
    case What::unknown:
      return "recipient.outcome_unknown";
    case What::expired:
      return "recipient.expired";
  }
  bug("a result without a name");
}

/// For the history.
std::string_view word_for(const AttemptStep& step) {
  if (step.is_expired) return "expired";
  switch (step.state.status) {
    case Status::queued:
    case Status::held:
      return "deferred";
    case Status::delivered:
      return "delivered";
    case Status::failed:
      return "bounced";
    case Status::removed:
      return "removed";
  }
  bug("a status without a word");
}

bool all_wait(const std::vector<store::Outcome>& outcomes) {
  return std::ranges::all_of(outcomes, [](const store::Outcome& outcome) {
    return outcome.state.status == Status::queued || outcome.state.status == Status::held;
  });
}

bool is_all_delivered(const AttemptResult& result) {
  return std::ranges::all_of(result.recipients, [](const auto& each) { return each.what == What::delivered; });
}

}  // namespace

/// Outcome first, then its consequence: the spool knows before the plan forgets.
world::Task<> QueueManager::settle(Lane lane, rules::EntryId entry, store::StoredMessage message,
                                   AttemptResult result) {
  co_await gate_.enter(entry.message);
  bool is_touched = touched_.contains(entry.message);
  if (is_touched) co_await read_states_again(message);
  auto round = steps_of(lane, entry, message, result);
  // Its states are of now, or of when an operator overruled this attempt.
  auto since = round.empty() ? since_of(lane, entry) : world_.loop.now();
  if (!result.dialogue.empty() && !is_all_delivered(result) && world_.history.is_kept()) {
    world_.history.note(message.id, dialogue_line(world_.loop.clock().wall(), result.dialogue));
  }
  const auto next = next_of(round);
  std::vector<store::Outcome> outcomes;
  for (const auto& each : round) outcomes.push_back({each.event.recipient, each.state});
  if (planted(PlantedFault::queue_outcome_not_recorded)) outcomes.clear();
  if (!outcomes.empty()) co_await record(message.id, std::move(outcomes));
  join_states(message, round);
  if (co_await end_round(entry, message, std::move(round))) {
    is_touched = true;
    since = std::max(since, since_of(lane, entry));
  }
  note_end(message);
  if (is_touched || next.due == never) {
    leave_attempt(lane, entry, message, result.health, is_touched);
    if (is_touched) plan(lane).set_since(entry, since);
  } else {
    wait_for(lane, entry, result.health, next);
  }
  if (!newest_.empty() && !is_running(entry.message)) newest_.erase(entry.message);
  gate_.leave(entry.message);
}

/// When the first of the group's recipients is due again.
QueueManager::Next QueueManager::next_of(std::span<const RoundEvent> round) const {
  Next next;
  const auto wall = world_.loop.clock().wall();
  for (const auto& [event, state] : round) {
    const auto due = after(world_.loop.now(), state.next_attempt - wall);
    if (state.status != Status::queued || due >= next.due) continue;
    next = {due, slack_of(state), waits_for_its_end(state, settings_.retry.expire)};
  }
  return next;
}

/// An attempt of another message to the same dead hosts, within what chance has added to the wait, is as good as its own.
Duration QueueManager::slack_of(const store::RecipientState& state) const {
  if (state.attempts == 0) return Duration::zero();
  const rules::Deferral deferral{.attempts = state.attempts, .named_wait = rules::named_wait(state.reply)};
  return rules::chance_in(settings_.retry, deferral, state.next_attempt - state.changed);
}

void QueueManager::wait_for(Lane lane, rules::EntryId entry, rules::Health health, const Next& next) {
  const auto now = world_.loop.now();
  const bool stays = next.is_end ? plan(lane).defer_until_expiry(entry, health, now, next.due)
                                 : plan(lane).defer(entry, health, now, next.due, next.slack);
  if (!stays) world_.log.info("message.removed", {{"message", entry.message}});
}

void QueueManager::leave_attempt(Lane lane, rules::EntryId entry, const store::StoredMessage& message,
                                 rules::Health health, bool is_touched) {
  plan(lane).finish(entry, health, world_.loop.now());
  if (!is_touched) return;
  if (!is_running(entry.message)) touched_.erase(entry.message);
  place_entries(message, true);
}

/// An operator was there while the attempt was under way. A message that is gone was removed.
world::Task<> QueueManager::read_states_again(store::StoredMessage& message) {
  if (auto newest = co_await load_surely(message.id)) {
    message.states = std::move(newest->states);
    co_return;
  }
  for (auto& state : message.states) state.status = Status::removed;
}

/// The new state of each recipient that has one, put into the message as well.
std::vector<RoundEvent> QueueManager::steps_of(Lane lane, rules::EntryId entry, store::StoredMessage& message,
                                               const AttemptResult& result) {
  std::vector<RoundEvent> round;
  const auto facts = step_facts(message, since_of(lane, entry));
  for (const auto& recipient : result.recipients) {
    auto& state = message.states[recipient.recipient];
    auto step = after_attempt(state, facts, recipient, settings_.retry, world_.random.next());
    log_outcome(message, recipient, step.state);
    count(step, recipient);
    note(message, recipient.recipient, step, recipient);
    if (step.is_overruled) continue;
    round.push_back(round_event(lane, message, recipient, std::move(step)));
    state = round.back().state;
  }
  return round;
}

MonotonicTime QueueManager::since_of(Lane lane, rules::EntryId entry) const {
  const auto known = plan(lane).find(entry);
  return known ? known->since : MonotonicTime::min();
}

std::vector<MonotonicTime> QueueManager::since_of_each(const store::StoredMessage& message) const {
  std::vector<MonotonicTime> each(message.states.size(), MonotonicTime::min());
  for (const auto& group : groups_of(message.envelope, world_.routes)) {
    const auto since = since_of(group.destination.lane, {message.id, group.leader});
    for (const auto place : group.recipients) each[place] = since;
  }
  return each;
}

/// What is not known of an earlier start counts from the start of this one (F32).
StepFacts QueueManager::step_facts(const store::StoredMessage& message, MonotonicTime since) const {
  const bool is_exact = since >= started_;
  const auto known =
      std::chrono::duration_cast<std::chrono::microseconds>(world_.loop.now() - std::max(since, started_));
  return {.arrival = message.arrival,
          .time = {.wall = world_.loop.clock().wall(), .known = known, .is_exact = is_exact}};
}

RoundEvent QueueManager::round_event(Lane lane, const store::StoredMessage& message, const RecipientResult& result,
                                     AttemptStep step) {
  using Happened = rules::RecipientEvent::What;
  auto& state = step.state;
  rules::RecipientEvent event{
      .recipient = result.recipient,
      .status = mail::EnhancedStatus::parse(state.status_code).value_or(mail::EnhancedStatus{4, 0, 0}),
      .remote_host = state.remote_host,
      .outcome_unknown = result.what == What::unknown || state.ambiguous > 0,
      .warned = state.warned,
      .last_attempt = step.last_attempt};
  (state.remote_host.empty() ? event.reason : event.reply) = state.reply;
  if (state.status == Status::delivered) {
    // RFC 3461 §6.3 (action): "delivered" is final delivery; LMTP's 250 says no less (RFC 2033 §4.2).
    const auto sent = lane == Lane::local || result.in_mailbox ? Happened::delivered : Happened::relayed;
    event.what = result.passed_on ? Happened::passed_on : sent;
  } else if (state.status == Status::failed) {
    event.what = step.is_expired ? Happened::expired : Happened::failed;
  }
  RoundEvent round{std::move(event), std::move(state)};
  round.state.report_due = (round.state.status == Status::delivered || round.state.status == Status::failed) &&
                           world_.reporter.owes_report(message, round);
  return round;
}

world::Task<> QueueManager::record(MessageId id, std::vector<store::Outcome> outcomes) {
  while (true) {
    const auto recorded = co_await world_.spool.record(world_.loop, id, outcomes);
    if (recorded || stopped_) co_return;
    // The reserve of a full disk is for what ends something; a deferral that is not kept costs a restart one early attempt.
    if (recorded.error().kind == Error::Kind::no_space && all_wait(outcomes)) co_return;
    world_.log.error("outcome.not_recorded", {{"message", id}, {"error", recorded.error().text}});
    co_await world::sleep_until(world_.loop, after(world_.loop.now(), settings_.record_pause));
  }
}

void QueueManager::count(const AttemptStep& step, const RecipientResult& result) {
  if (result.what == What::unknown) ++facts_.ambiguous;
  if (step.is_overruled) {
    if (result.what == What::delivered) ++facts_.delivered_after_removal;
    return;
  }
  if (step.state.status == Status::delivered) ++facts_.delivered;
  if (step.state.status == Status::failed) ++facts_.bounced;
  if (step.is_expired) ++facts_.expired;
  if (step.state.status == Status::queued || step.state.status == Status::held) ++facts_.deferrals;
}

void QueueManager::note(const store::StoredMessage& message, std::uint32_t place, const AttemptStep& step,
                        const RecipientResult& result) {
  if (step.is_overruled) {
    // The removal was too late: whoever asks what became of the message is told.
    if (result.what != What::delivered && result.what != What::unknown) return;
    auto told = step.state;
    told.status_code = result.status_code;
    told.reply = result.reply;
    told.remote_host = result.remote_host;
    note_event(message, place, result.what == What::delivered ? "delivered nevertheless" : "outcome unknown", &told);
    return;
  }
  const bool waits = step.state.status == Status::queued;
  const auto what = result.what == What::unknown && waits ? "outcome unknown" : word_for(step);
  note_event(message, place, what, &step.state, waits ? rules::name_of(step.rule) : std::string_view{});
}

void QueueManager::note_event(const store::StoredMessage& message, std::uint32_t place, std::string_view what,
                              const store::RecipientState* state, std::string_view rule) {
  if (!world_.history.is_kept()) return;
  world_.history.note(message.id, event_line({.what = what,
                                              .time = world_.loop.clock().wall(),
                                              .recipient = message.envelope.recipients[place].address.to_string(),
                                              .state = state,
                                              .rule = rule}));
}

void QueueManager::join_states(store::StoredMessage& message, const std::vector<RoundEvent>& round) {
  if (round.size() == message.states.size()) return;
  auto& newest = newest_.try_emplace(message.id, message.states).first->second;
  for (const auto& each : round) newest[each.event.recipient] = each.state;
  message.states = newest;
}

/// The history keeps how a message stood when it left.
void QueueManager::note_end(const store::StoredMessage& message) {
  if (!world_.history.is_kept() || world_.spool.find(message.id)) return;
  world_.history.note(message.id, summary_line(message, world_.routes));
}

void QueueManager::log_outcome(const store::StoredMessage& message, const RecipientResult& result,
                               const store::RecipientState& state) {
  if (!world_.log.takes(world::LogLevel::info)) return;
  std::vector<world::LogField> fields{{"message", message.id},
                                      {"to", message.envelope.recipients[result.recipient].address.to_string()},
                                      {"status", result.status_code}};
  if (!result.remote_host.empty()) fields.emplace_back("host", result.remote_host);
  if (!result.reply.empty()) fields.emplace_back("reply", result.reply);
  if (state.status == Status::queued) fields.emplace_back("next_attempt", to_rfc3339(state.next_attempt));
  world_.log.info(event_of(result.what), std::move(fields));
}

}  // namespace posthorn::service
