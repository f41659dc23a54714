#include "service/queue_manager.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

using What = RecipientResult::What;
using Status = store::RecipientStatus;

/// The group that this entry stands for, if the routing still knows it.
const Group* find_group(const std::vector<Group>& groups, rules::EntryId entry) {
  const auto found = std::ranges::find(groups, entry.group, &Group::leader);
  return found == groups.end() ? nullptr : &*found;
}

std::vector<std::uint32_t> open_recipients(const store::StoredMessage& message, const Group& group) {
  std::vector<std::uint32_t> open;
  for (const auto place : group.recipients) {
    if (message.states[place].status == Status::queued) open.push_back(place);
  }
  return open;
}

std::string_view event_of(What what) {
  switch (what) {
    case What::delivered: return "recipient.delivered";
    case What::deferred: return "recipient.deferred";
    case What::failed: return "recipient.failed";
    case What::unknown: return "recipient.outcome_unknown";
  }
  bug("a result without a name");
}

bool all_wait(const std::vector<store::Outcome>& outcomes) {
  return std::ranges::all_of(outcomes, [](const store::Outcome& outcome) {
    return outcome.state.status == store::RecipientStatus::queued || outcome.state.status == store::RecipientStatus::held;
  });
}

}  // namespace

QueueManager::QueueManager(QueueWorld world, QueueSettings settings)
    : world_(world),
      settings_(std::move(settings)),
      local_(settings_.local),
      remote_(settings_.remote),
      started_(world.loop.now()),
      idle_(world.loop) {
  local_.pause(settings_.paused);
  remote_.pause(settings_.paused);
  idle_.set();
}

void QueueManager::accepted(MessageId id, std::vector<Group> groups) {
  world_.loop.post([this, id, groups = std::move(groups)] {
    for (const auto& group : groups) {
      plan(group.destination.lane).add({id, group.leader}, group.destination.key, world_.loop.now());
    }
    pump_soon();
  });
}

world::Task<> QueueManager::adopt_waiting() {
  MessageId after_id{};
  while (!stopped_) {
    const auto messages = co_await world_.spool.load_next(world_.loop, after_id, settings_.adopt_batch);
    if (messages.empty()) co_return;
    for (const auto& message : messages) {
      if (!world_.spool.is_of_this_start(message.id)) adopt(message);
    }
    after_id = messages.back().id;
    pump_soon();
  }
}

void QueueManager::adopt(const store::StoredMessage& message) {
  std::vector<RoundEvent> owed;
  for (std::uint32_t place = 0; place < message.states.size(); ++place) {
    if (message.states[place].report_due) owed.push_back(round_event_of(place, message.states[place]));
  }
  if (!owed.empty()) tasks_.start(report(message, std::move(owed)));
  const auto now = world_.loop.now();
  const auto wall = world_.loop.clock().wall();
  for (const auto& group : groups_of(message.envelope, world_.routes)) {
    auto& lane = plan(group.destination.lane);
    const rules::EntryId entry{message.id, group.leader};
    auto due = never;
    bool held = false;
    for (const auto place : group.recipients) {
      const auto& state = message.states[place];
      held = held || state.status == Status::held;
      if (state.status == Status::queued) {
        due = std::min(due, after(now, rules::wait_left(state.changed, state.next_attempt, wall)));
      }
    }
    if (lane.find(entry)) continue;
    if (due != never) {
      lane.add(entry, group.destination.key, due);
    } else if (held) {
      lane.add_held(entry, group.destination.key);
    }
  }
}

void QueueManager::stop() {
  stopped_ = true;
  world_.loop.cancel_timer(std::exchange(timer_, world::TimerId::none));
}

void QueueManager::pump_soon() {
  if (std::exchange(pump_posted_, true)) return;
  world_.loop.post([this] {
    pump_posted_ = false;
    pump();
  });
}

void QueueManager::pump() {
  if (stopped_) return;
  start_due(Lane::local);
  if (world_.remote != nullptr) start_due(Lane::remote);
  set_timer();
}

void QueueManager::start_due(Lane lane) {
  while (auto work = plan(lane).take(world_.loop.now())) {
    idle_.clear();
    tasks_.start(attempt(lane, std::move(*work)));
  }
}

void QueueManager::set_timer() {
  auto when = local_.next_wakeup();
  if (world_.remote != nullptr) when = std::min(when, remote_.next_wakeup());
  if (timer_ != world::TimerId::none && when == timer_at_) return;
  world_.loop.cancel_timer(timer_);
  timer_at_ = when;
  timer_ = world_.loop.start_timer(when, [this] {
    timer_ = world::TimerId::none;
    pump();
  });
}

world::Task<> QueueManager::attempt(Lane lane, rules::QueuePlan::Work work) {
  auto loaded = co_await world_.spool.load(world_.loop, work.entry.message);
  if (!loaded) {
    defer_after_fault(lane, work.entry, loaded.error());
  } else {
    const auto groups = groups_of(loaded->message.envelope, world_.routes);
    const auto* group = find_group(groups, work.entry);
    auto open = group != nullptr ? open_recipients(loaded->message, *group) : std::vector<std::uint32_t>{};
    if (open.empty()) {
      plan(lane).finish(work.entry, rules::Health::not_tried, world_.loop.now());
    } else {
      auto message = loaded->message;
      auto result = co_await carry_out(lane, work, std::move(*loaded), std::move(open));
      co_await settle(lane, work.entry, std::move(message), std::move(result));
    }
  }
  if (tasks_.size() == 1) idle_.set();
  pump_soon();
}

world::Task<AttemptResult> QueueManager::carry_out(Lane lane, const rules::QueuePlan::Work& work,
                                                   store::LoadedMessage loaded, std::vector<std::uint32_t> open) {
  if (work.shares_failure) {
    AttemptResult shared{.health = rules::Health::not_tried};
    for (const auto place : open) {
      shared.recipients.push_back({.recipient = place,
                                   .what = What::deferred,
                                   .status_code = "4.4.1",
                                   .reply = last_failures_[work.destination]});
    }
    co_return shared;
  }
  Attempt attempt{.destination = work.destination,
                  .message = std::move(loaded.message),
                  .text = std::move(loaded.text),
                  .recipients = std::move(open),
                  .may_be_repeat = !world_.spool.is_of_this_start(work.entry.message)};
  auto result = co_await deliverer(lane).deliver(std::move(attempt));
  if (result.health == rules::Health::unreachable && !result.recipients.empty()) {
    last_failures_[work.destination] = result.recipients.front().reply;
  } else {
    last_failures_.erase(work.destination);
  }
  co_return result;
}

/// Outcome first, then its consequence: the spool knows before the plan forgets.
world::Task<> QueueManager::settle(Lane lane, rules::EntryId entry, store::StoredMessage message,
                                   AttemptResult result) {
  std::vector<store::Outcome> outcomes;
  std::vector<RoundEvent> round;
  auto due = never;
  const auto now = world_.loop.now();
  const auto wall = world_.loop.clock().wall();
  for (const auto& recipient : result.recipients) {
    auto event = round_event(lane, message, recipient);
    const auto& state = event.state;
    if (state.status == Status::queued) due = std::min(due, after(now, state.next_attempt - wall));
    log_outcome(message, recipient, state);
    outcomes.push_back({recipient.recipient, state});
    round.push_back(std::move(event));
  }
  co_await record(message.id, std::move(outcomes));
  co_await report(std::move(message), std::move(round));
  if (due == never) {
    plan(lane).finish(entry, result.health, world_.loop.now());
  } else if (!plan(lane).defer(entry, result.health, world_.loop.now(), due)) {
    world_.log.info("message.removed", {{"message", entry.message}});
  }
}

RoundEvent QueueManager::round_event(Lane lane, const store::StoredMessage& message, const RecipientResult& result) {
  using Happened = rules::RecipientEvent::What;
  auto state = next_state(message, result);
  rules::RecipientEvent event{.recipient = result.recipient,
                              .status = mail::EnhancedStatus::parse(state.status_code).value_or(mail::EnhancedStatus{4, 0, 0}),
                              .remote_host = state.remote_host,
                              .outcome_unknown = result.what == What::unknown,
                              .warned = state.warned};
  (state.remote_host.empty() ? event.reason : event.reply) = state.reply;
  if (state.status == Status::delivered) {
    const auto sent = result.passed_on ? Happened::passed_on : Happened::relayed;
    event.what = lane == Lane::local ? Happened::delivered : sent;
  } else if (state.status == Status::failed) {
    event.what = result.what == What::failed ? Happened::failed : Happened::expired;
  }
  RoundEvent round{std::move(event), std::move(state)};
  round.state.report_due = round.state.status != Status::queued && world_.reporter.owes_report(message, round);
  return round;
}

world::Task<> QueueManager::report(store::StoredMessage message, std::vector<RoundEvent> round) {
  const bool is_owed =
      std::ranges::any_of(round, [&](const RoundEvent& each) { return world_.reporter.owes_report(message, each); });
  while (is_owed) {
    const auto queued = co_await world_.reporter.report(message, round);
    if (queued || stopped_) co_return;
    world_.log.error("report.not_queued", {{"message", message.id}, {"error", queued.error().text}});
    co_await world::sleep_until(world_.loop, after(world_.loop.now(), settings_.record_pause));
  }
}

void QueueManager::defer_after_fault(Lane lane, rules::EntryId entry, const Error& error) {
  const auto now = world_.loop.now();
  if (error.kind == Error::Kind::not_found || error.kind == Error::Kind::corrupt) {
    plan(lane).finish(entry, rules::Health::not_tried, now);
    return;
  }
  world_.log.error("message.unreadable", {{"message", entry.message}, {"error", error.text}});
  const auto due = after(now, settings_.retry.waits.front());
  if (!plan(lane).defer(entry, rules::Health::not_tried, now, due)) {
    world_.log.info("message.removed", {{"message", entry.message}});
  }
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

store::RecipientState QueueManager::next_state(const store::StoredMessage& message, const RecipientResult& result) {
  auto state = message.states[result.recipient];
  const auto wall = world_.loop.clock().wall();
  // FAULTS F32: the age grows by the calendar, but never by more than the time this process has run.
  const auto began = state.attempts > 0 ? state.changed : message.arrival;
  const auto most = std::chrono::duration_cast<std::chrono::microseconds>(world_.loop.now() - started_);
  const auto waited = std::clamp(wall - began, std::chrono::microseconds{0}, most);
  state.age += std::chrono::duration_cast<std::chrono::seconds>(waited);
  state.changed = wall;
  state.status_code = result.status_code;
  state.reply = result.reply;
  state.remote_host = result.remote_host;
  if (result.what == What::delivered || result.what == What::failed) {
    state.status = result.what == What::delivered ? Status::delivered : Status::failed;
    return state;
  }
  ++state.attempts;
  if (result.what == What::unknown) ++state.ambiguous;
  const rules::Deferral deferral{.attempts = state.attempts,
                                 .outcome_unknown = result.what == What::unknown,
                                 .named_wait = rules::named_wait(result.reply)};
  const auto step = rules::next_step(settings_.retry, deferral, state.age, world_.random.next());
  const bool ends = step.action == rules::NextStep::Action::give_up;
  if (ends && step.wait <= Duration::zero()) {
    state.status = Status::failed;
    state.status_code = "4.4.7";
  } else {
    // I11: nobody is given up before the life of the message is over; until then it waits, and is tried once more.
    const Duration wait = ends ? step.wait + std::chrono::seconds{1} : step.wait;
    state.next_attempt = wall + std::chrono::ceil<std::chrono::microseconds>(wait);
  }
  return state;
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
