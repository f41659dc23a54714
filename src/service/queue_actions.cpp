// QueueManager: what an operator asks. The new states are in the spool before the plan follows and before it is answered.
#include "base/planted_fault.hpp"
#include "service/queue_manager.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace posthorn::service {
namespace {

using Status = store::RecipientStatus;

std::string_view event_of(OperatorAction action) {
  switch (action) {
    case OperatorAction::hold:
      return "recipient.held";
    case OperatorAction::release:
      return "recipient.released";
    case OperatorAction::retry:
      return "recipient.retried";
    case OperatorAction::remove:
      return "recipient.removed";
    case OperatorAction::expire:
      return "recipient.expired";
  }
  bug("an action without an event");
}

/// A failure by an operator's word, as a report tells it.
RoundEvent expiry_of(std::uint32_t place, const store::RecipientState& before, const store::RecipientState& state) {
  auto round = round_event_of(place, state);
  round.event.what = rules::RecipientEvent::What::expired;
  round.event.last_attempt = last_attempt_of(before);
  return round;
}

}  // namespace

world::Task<Result<ActionResult>> QueueManager::act(OperatorAction action, MessageId id, Choice is_meant) {
  if (stopped_) co_return failure(Error::Kind::closed, "the server is stopping");
  if (!co_await gate_.close(id, after(world_.loop.now(), settings_.gate_patience))) {
    co_return failure(Error::Kind::timed_out, "the message is busy: its outcomes are being recorded; try again");
  }
  auto message = co_await world_.spool.load_envelope(world_.loop, id);
  Result<ActionResult> done;
  if (message) {
    done = co_await change(action, std::move(*message), is_meant);
  } else {
    done = failure(message.error());
  }
  gate_.open(id);
  pump_soon();
  co_return done;
}

world::Task<Result<ActionResult>> QueueManager::change(OperatorAction action, store::StoredMessage message,
                                                       const Choice& is_meant) {
  ActionResult done;
  std::vector<store::Outcome> outcomes;
  std::vector<RoundEvent> round;
  const auto running = running_recipients(message);
  const auto since = since_of_each(message);
  for (std::uint32_t place = 0; place < message.states.size(); ++place) {
    auto& state = message.states[place];
    if (!is_meant(message.envelope.recipients[place], state)) continue;
    const bool runs = std::ranges::find(running, place) != running.end();
    auto changed = after_action(action, state, step_facts(message, since[place]), settings_.retry.expire, runs);
    if (!changed) continue;
    if (changed->status == Status::failed) {
      auto event = expiry_of(place, state, *changed);
      changed->report_due = event.state.report_due = world_.reporter.owes_report(message, event);
      round.push_back(std::move(event));
    }
    state = *changed;
    outcomes.push_back({place, std::move(*changed)});
    if (runs) ++done.running;
  }
  if (outcomes.empty()) co_return done;
  if (planted(PlantedFault::operator_change_not_recorded)) {
    // Only the plan knows.
  } else if (auto recorded = co_await world_.spool.record(world_.loop, message.id, outcomes); !recorded) {
    co_return failure(std::move(recorded.error()).context("record it"));
  }
  done.recipients = static_cast<std::uint32_t>(outcomes.size());
  const bool is_overruled = planted(PlantedFault::operator_overruled_by_attempt);
  if (is_running(message.id) && !is_overruled) touched_.insert(message.id);
  if (const auto known = newest_.find(message.id); known != newest_.end()) {
    for (const auto& outcome : outcomes) known->second[outcome.recipient] = outcome.state;
  }
  for (const auto& outcome : outcomes) log_action(action, message, outcome);
  co_await report(message, owed_of(message, std::move(round)));
  place_entries(message, true);
  note_time(message, outcomes);
  note_end(message);
  co_return done;
}

/// Their states are of now.
void QueueManager::note_time(const store::StoredMessage& message, const std::vector<store::Outcome>& changed) {
  for (const auto& group : groups_of(message.envelope, world_.routes)) {
    const bool is_changed = std::ranges::any_of(changed, [&](const store::Outcome& one) {
      return std::ranges::find(group.recipients, one.recipient) != group.recipients.end();
    });
    if (is_changed) plan(group.destination.lane).set_since({message.id, group.leader}, world_.loop.now());
  }
}

void QueueManager::log_action(OperatorAction action, const store::StoredMessage& message,
                              const store::Outcome& outcome) {
  if (outcome.state.status == Status::removed) ++facts_.removed;
  if (outcome.state.status == Status::failed) {
    ++facts_.bounced;
    ++facts_.expired;
  }
  note_event(message, outcome.recipient, past_of(action), &outcome.state, "an operator asked for it");
  world_.log.info(event_of(action), {{"message", message.id},
                                     {"to", message.envelope.recipients[outcome.recipient].address.to_string()}});
}

/// Those of them that an attempt under way is about. Not those who were on hold when it began: they are on hold still, and no
/// operator has come since.
std::vector<std::uint32_t> QueueManager::running_recipients(const store::StoredMessage& message) const {
  std::vector<std::uint32_t> running;
  const bool is_touched = touched_.contains(message.id);
  for (const auto& group : groups_of(message.envelope, world_.routes)) {
    const auto& lane = group.destination.lane == Lane::local ? local_ : remote_;
    const auto entry = lane.find({message.id, group.leader});
    if (!entry || entry->state != rules::QueuePlan::State::running) continue;
    std::ranges::copy_if(group.recipients, std::back_inserter(running), [&](std::uint32_t place) {
      return is_touched || message.states[place].status != Status::held;
    });
  }
  return running;
}

bool QueueManager::is_running(MessageId id) const {
  const auto runs = [&](const rules::QueuePlan& plan) {
    return std::ranges::any_of(plan.entries_of(id), [&](const rules::EntryId& entry) {
      return plan.find(entry)->state == rules::QueuePlan::State::running;
    });
  };
  return runs(local_) || runs(remote_);
}

}  // namespace posthorn::service
