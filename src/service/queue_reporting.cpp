// QueueManager: what senders are told. Outcomes are durable before; what is owed stands in the spool until its report does.
#include "base/planted_fault.hpp"
#include "service/queue_manager.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

using Status = store::RecipientStatus;

bool is_delay(const RoundEvent& each) { return each.event.what == rules::RecipientEvent::What::deferred; }

bool may_be_delayed(const store::RecipientState& state) { return state.status == Status::queued && !state.warned; }

RoundEvent delay_of(std::uint32_t place, const store::RecipientState& state) {
  auto round = round_event_of(place, state);
  round.event.what = rules::RecipientEvent::What::deferred;
  return round;
}

}  // namespace

std::vector<RoundEvent> QueueManager::owed_of(const store::StoredMessage& message,
                                              std::vector<RoundEvent> round) const {
  std::erase_if(round, [&](const RoundEvent& each) {
    // Nobody is told that mail waits which an operator holds.
    return each.state.status == Status::held || !world_.reporter.owes_report(message, each);
  });
  return round;
}

world::Task<bool> QueueManager::end_round(rules::EntryId entry, store::StoredMessage& message,
                                          std::vector<RoundEvent> round) {
  rounds_.add(entry, message, owed_of(message, std::move(round)), world_.loop.now());
  auto over = rounds_.end(entry);
  if (!over) co_return false;
  if (!over->is_shared && !leaves_out_some(message, *over)) {
    co_await report(message, over->events);
    note_warnings(message.id, over->events);
    co_return false;
  }
  gate_.leave(message.id);
  co_await report_shared(*over);
  co_await gate_.enter(message.id);
  if (const auto known = newest_.find(message.id); known != newest_.end()) {
    message.states = known->second;
  } else if (touched_.contains(message.id)) {
    co_await read_states_again(message);
  }
  co_return touched_.contains(message.id);
}

bool QueueManager::leaves_out_some(const store::StoredMessage& message, const ReportRounds::Round& round) {
  if (std::ranges::none_of(round.events, is_delay)) return false;
  const auto waiting = std::ranges::count_if(message.states, [](const auto& state) { return may_be_delayed(state); });
  return waiting > std::ranges::count_if(round.events, is_delay);
}

world::Task<> QueueManager::leave_round(rules::EntryId entry) {
  auto over = rounds_.end(entry);
  if (!over) co_return;
  co_await report_shared(*over);
  note_end(over->message);
}

world::Task<> QueueManager::report_shared(ReportRounds::Round& round) {
  const auto id = round.message.id;
  while (!co_await gate_.close(id, after(world_.loop.now(), settings_.gate_patience))) {
    if (stopped_) co_return;  // what is owed stands in the spool
  }
  bool is_known = true;
  if (const auto known = newest_.find(id); known != newest_.end()) {
    round.message.states = known->second;
  } else if (auto loaded = co_await world_.spool.load_envelope(world_.loop, id)) {
    round.message.states = std::move(loaded->states);
  } else {
    is_known = false;
  }
  if (is_known) {
    renew_delays(round.message, round.events);
  } else {
    std::erase_if(round.events, is_delay);  // their next attempts tell
  }
  std::ranges::sort(round.events, {}, [](const RoundEvent& each) { return each.event.recipient; });
  co_await report(round.message, round.events);
  note_warnings(id, round.events);
  // Attempts that began before this was recorded know nothing of it.
  if (is_running(id) && std::ranges::any_of(round.events, is_delay)) touched_.insert(id);
  gate_.open(id);
}

void QueueManager::renew_delays(const store::StoredMessage& message, std::vector<RoundEvent>& events) const {
  std::vector<std::uint32_t> late;
  for (const auto& each : events) {
    if (is_delay(each) && may_be_delayed(message.states[each.event.recipient])) late.push_back(each.event.recipient);
  }
  std::erase_if(events, is_delay);
  if (late.empty()) return;
  const auto since = since_of_each(message);
  for (std::uint32_t place = 0; place < message.states.size(); ++place) {
    const auto& state = message.states[place];
    if (!may_be_delayed(state) || state.attempts == 0) continue;
    auto delay = delay_of(place, state);
    if (std::ranges::find(late, place) == late.end()) {
      delay.state.age = age_of(state, step_facts(message, since[place]));
      if (!world_.reporter.owes_report(message, delay)) continue;
      delay.state.age = state.age;
    }
    events.push_back(std::move(delay));
  }
}

void QueueManager::note_warnings(MessageId id, std::span<const RoundEvent> told) {
  const auto known = newest_.find(id);
  if (known == newest_.end()) return;
  for (const auto& each : told) {
    if (is_delay(each)) known->second[each.event.recipient].warned = true;
  }
}

world::Task<> QueueManager::report(store::StoredMessage message, std::vector<RoundEvent> owed) {
  if (planted(PlantedFault::report_left_out)) owed.clear();
  if (owed.empty()) co_return;
  if (planted(PlantedFault::report_sent_twice)) static_cast<void>(co_await world_.reporter.report(message, owed));
  while (true) {
    const auto queued = co_await world_.reporter.report(message, owed);
    if (queued) break;
    if (stopped_) co_return;
    world_.log.error("report.not_queued", {{"message", message.id}, {"error", queued.error().text}});
    co_await world::sleep_until(world_.loop, after(world_.loop.now(), settings_.record_pause));
  }
  for (const auto& each : owed) note_event(message, each.event.recipient, "reported", nullptr);
}

}  // namespace posthorn::service
