#include "service/queue_manager.hpp"

#include "base/planted_fault.hpp"
#include "rules/mx_plan.hpp"

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

/// Whether what the plan keeps under this name is still what the routing says of the group.
bool goes_there(const Group& group, Lane lane, const std::string& planned) {
  const auto& now = group.destination;
  return now.lane == lane && (now.key == planned || (now.asks_mx && rules::is_mx_destination(planned)));
}

std::vector<std::uint32_t> open_recipients(const store::StoredMessage& message, const Group& group) {
  std::vector<std::uint32_t> open;
  for (const auto place : group.recipients) {
    const bool is_passed_over = planted(PlantedFault::queue_tries_first_recipient_only) && !open.empty();
    if (message.states[place].status == Status::queued && !is_passed_over) open.push_back(place);
  }
  return open;
}

/// Nothing of such a message is sent or delivered; its sender hears of it.
AttemptResult damaged_in_storage(const std::vector<std::uint32_t>& open) {
  AttemptResult result{.health = rules::Health::not_tried};
  for (const auto place : open) {
    result.recipients.push_back({.recipient = place,
                                 .what = What::failed,
                                 .status_code = "5.3.0",
                                 .reply = "the message was damaged in storage"});
  }
  return result;
}

}  // namespace

QueueManager::QueueManager(QueueWorld world, QueueSettings settings)
    : world_(world),
      settings_(std::move(settings)),
      local_(settings_.local),
      remote_(settings_.remote),
      names_(settings_.remembered_names),
      started_(world.loop.now()),
      last_failures_([this](const std::string& destination) {
        return local_.find_destination(destination) || remote_.find_destination(destination);
      }),
      gate_(world.loop),
      rounds_(settings_.report_patience),
      idle_(world.loop) {
  pause_as_set();
  idle_.set();
}

void QueueManager::pause_as_set() {
  local_.pause(settings_.paused);
  remote_.pause(settings_.paused);
}

void QueueManager::change(QueueSettings settings) {
  settings_ = std::move(settings);
  local_.change(settings_.local);
  remote_.change(settings_.remote);
  pause_as_set();
  pump_soon();
}

void QueueManager::accepted(MessageId id, std::vector<Group> groups) {
  world_.loop.post([this, id, groups = std::move(groups)] {
    ++facts_.messages;
    for (const auto& group : groups) {
      facts_.accepted += group.recipients.size();
      auto& lane = plan(group.destination.lane);
      const rules::EntryId entry{id, group.leader};
      const auto slack = group.destination.lane == Lane::remote ? settings_.fresh_failure : Duration::zero();
      // An operator may have been quicker.
      if (!lane.find(entry)) lane.add(entry, planned_name(group.destination), world_.loop.now(), slack);
      lane.set_since(entry, world_.loop.now());
    }
    pump_soon();
  });
}

world::Task<> QueueManager::adopt_waiting() {
  MessageId after_id{};
  std::vector<MessageId> unread;
  while (!stopped_ && !planted(PlantedFault::queue_forgets_what_waited)) {
    const auto live = world_.spool.live_after(after_id, settings_.adopt_batch);
    if (live.empty()) break;
    const auto messages = co_await world_.spool.load_next(world_.loop, after_id, settings_.adopt_batch);
    auto at = messages.begin();
    for (const auto& one : live) {
      if (world_.spool.is_of_this_start(one.id)) continue;
      at = std::lower_bound(at, messages.end(), one.id,
                            [](const auto& message, MessageId id) { return message.id < id; });
      const bool is_read = at != messages.end() && at->id == one.id;
      is_read ? adopt(*at) : unread.push_back(one.id);
    }
    after_id = live.back().id;
    pump_soon();
  }
  if (planted(PlantedFault::queue_unread_left_out)) unread.clear();
  co_await adopt_unread(std::move(unread));
  facts_.is_recovered = true;
}

world::Task<> QueueManager::adopt_unread(std::vector<MessageId> unread) {
  while (!unread.empty() && !stopped_) {
    std::vector<MessageId> still;
    for (const auto id : unread) {
      const auto message = co_await world_.spool.load_envelope(world_.loop, id);
      if (message) {
        adopt(*message);
      } else if (message.error().kind != Error::Kind::not_found && message.error().kind != Error::Kind::corrupt) {
        still.push_back(id);
      }
    }
    pump_soon();
    unread = std::move(still);
    if (unread.empty()) break;
    world_.log.error("queue.unreadable",
                     {{"messages", unread.size()}, {"what_to_do", "look at the disk of the spool"}});
    co_await world::sleep_until(world_.loop, after(world_.loop.now(), settings_.record_pause));
  }
}

world::Task<std::optional<store::StoredMessage>> QueueManager::load_surely(MessageId id) {
  while (true) {
    auto message = co_await world_.spool.load_envelope(world_.loop, id);
    if (message) co_return std::move(*message);
    const auto kind = message.error().kind;
    if (kind == Error::Kind::not_found || kind == Error::Kind::corrupt || stopped_) co_return std::nullopt;
    world_.log.error("message.unreadable", {{"message", id}, {"error", message.error().text}});
    co_await world::sleep_until(world_.loop, after(world_.loop.now(), settings_.record_pause));
  }
}

world::Task<> QueueManager::take_up(MessageId id) {
  const auto message = co_await world_.spool.load_envelope(world_.loop, id);
  if (stopped_) co_return;  // what stays in the spool is adopted at the next start
  if (message) {
    adopt(*message);
    pump_soon();
  } else {
    start(adopt_unread({id}));
  }
}

void QueueManager::adopt(const store::StoredMessage& message) {
  std::vector<RoundEvent> owed;
  for (std::uint32_t place = 0; place < message.states.size(); ++place) {
    if (message.states[place].report_due) owed.push_back(round_event_of(place, message.states[place]));
  }
  owed = owed_of(message, std::move(owed));
  if (!owed.empty()) start(report(message, std::move(owed)));
  facts_.recovered += static_cast<std::uint64_t>(std::ranges::count_if(message.states, [](const auto& state) {
    return state.status == Status::queued || state.status == Status::held;
  }));
  place_entries(message, false);
}

void QueueManager::place_entries(const store::StoredMessage& message, bool replaces) {
  for (const auto& group : groups_of(message.envelope, world_.routes)) place_entry(message, group, replaces);
}

void QueueManager::place_entry(const store::StoredMessage& message, const Group& group, bool replaces) {
  auto& lane = plan(group.destination.lane);
  const rules::EntryId entry{message.id, group.leader};
  const auto known = lane.find(entry);
  if (known && (!replaces || known->state == rules::QueuePlan::State::running)) return;
  const auto since = known ? known->since : MonotonicTime::min();
  if (known) lane.remove(entry);
  auto least = Duration::max();
  Duration slack{};
  bool is_held = false;
  bool is_end = false;
  for (const auto place : group.recipients) {
    const auto& state = message.states[place];
    is_held = is_held || state.status == Status::held;
    if (state.status != Status::queued) continue;
    const Duration left = rules::wait_left(state.changed, state.next_attempt, world_.loop.clock().wall());
    if (left >= least) continue;
    least = left;
    slack = slack_of(state);
    is_end = waits_for_its_end(state, settings_.retry.expire);
  }
  const auto due = least == Duration::max() ? never : after(world_.loop.now(), least);
  // What was to end while the server was away is tried once more: that time was not the message's (F32).
  if (least > Duration::zero() && is_end) {
    lane.add_expiring(entry, planned_name(group.destination), due);
  } else if (due != never) {
    lane.add(entry, planned_name(group.destination), due, slack);
  } else if (is_held) {
    lane.add_held(entry, planned_name(group.destination));
  }
  lane.set_since(entry, since);
}

world::Task<> QueueManager::replan(MessageId id) {
  // Nobody else would put it back into the plan.
  while (!co_await gate_.close(id, after(world_.loop.now(), settings_.gate_patience))) {
    if (stopped_) co_return;
  }
  if (!is_running(id)) touched_.erase(id);
  const auto message = co_await load_surely(id);
  if (message) place_entries(*message, true);
  gate_.open(id);
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
  // Ends are a second late as it is; those that come together are told together, for all that clocks differ in parts of one.
  constexpr Duration together = std::chrono::milliseconds{100};
  const auto now = world_.loop.now();
  while (const auto gone = plan(lane).take_expired(after(now, together))) {
    rounds_.begin(*gone, now);
    start(give_up(lane, *gone));
  }
  while (auto work = plan(lane).take(now)) {
    rounds_.begin(work->entry, now);
    start(attempt(lane, std::move(*work)));
  }
}

void QueueManager::start(world::Task<> work) {
  idle_.clear();
  tasks_.start(run(std::move(work)));
}

world::Task<> QueueManager::run(world::Task<> work) {
  co_await std::move(work);
  if (tasks_.size() == 1 && !planted(PlantedFault::queue_end_of_report_lost)) idle_.set();
}

void QueueManager::set_timer() {
  if (planted(PlantedFault::queue_wake_up_lost) && timer_ != world::TimerId::none) return;
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
    const bool still_goes_there = group != nullptr && goes_there(*group, lane, work.destination);
    auto open = still_goes_there ? open_recipients(loaded->message, *group) : std::vector<std::uint32_t>{};
    if (open.empty()) {
      plan(lane).finish(work.entry, rules::Health::not_tried, world_.loop.now());
      co_await replan(work.entry.message);
    } else {
      auto message = loaded->message;
      auto result = co_await carry_out(lane, work, std::move(*loaded), std::move(open));
      if (result.waits_elsewhere) {
        co_await leave_to_wait(work.entry.message);
      } else {
        co_await settle(lane, work.entry, std::move(message), std::move(result));
      }
    }
  }
  co_await leave_round(work.entry);
  if (planted(PlantedFault::queue_end_of_report_lost) && tasks_.size() == 1) idle_.set();
  pump_soon();
}

world::Task<> QueueManager::give_up(Lane lane, rules::EntryId entry) {
  auto message = co_await load_surely(entry.message);
  if (!message) {
    plan(lane).finish(entry, rules::Health::not_tried, world_.loop.now());
    if (!is_running(entry.message)) touched_.erase(entry.message);
    co_await leave_round(entry);
    pump_soon();  // it had a place that others may wait for
    co_return;
  }
  const auto groups = groups_of(message->envelope, world_.routes);
  const auto* group = find_group(groups, entry);
  const auto open = group == nullptr ? std::vector<std::uint32_t>{} : open_recipients(*message, *group);
  if (open.empty()) {
    plan(lane).finish(entry, rules::Health::not_tried, world_.loop.now());
    co_await replan(entry.message);
  } else {
    AttemptResult over{.health = rules::Health::not_tried};
    for (const auto place : open) {
      const auto& state = message->states[place];
      over.recipients.push_back({place, What::expired, state.status_code, state.reply, state.remote_host});
    }
    co_await settle(lane, entry, std::move(*message), std::move(over));
  }
  co_await leave_round(entry);
  pump_soon();
}

world::Task<AttemptResult> QueueManager::carry_out(Lane lane, const rules::QueuePlan::Work& work,
                                                   store::LoadedMessage loaded, std::vector<std::uint32_t> open) {
  if (loaded.message.damaged) co_return damaged_in_storage(open);
  if (work.shares_failure) {
    AttemptResult shared{.health = rules::Health::not_tried};
    for (const auto place : open) {
      shared.recipients.push_back({.recipient = place,
                                   .what = What::deferred,
                                   .status_code = "4.4.1",
                                   .reply = last_failures_.text_of(work.destination)});
    }
    co_return shared;
  }
  // Of a domain, once the attempt has asked DNS: its set of hosts.
  auto destination = work.destination;
  const auto domain = std::string(loaded.message.envelope.recipients[open.front()].address.domain());
  Attempt attempt{.destination = destination,
                  .message = std::move(loaded.message),
                  .text = std::move(loaded.text),
                  .recipients = std::move(open),
                  .may_be_repeat = !world_.spool.is_of_this_start(work.entry.message)};
  if (lane == Lane::remote) {
    attempt.moves_to = [&](const std::string& name) {
      destination = name;
      return move(work, domain, name);
    };
  }
  auto result = co_await deliverer(lane).deliver(std::move(attempt));
  const bool may_be_dead = result.health == rules::Health::unreachable || result.health == rules::Health::turned_away;
  if (may_be_dead && !result.recipients.empty()) {
    last_failures_.note(destination, result.recipients.front().reply);
  } else if (!result.waits_elsewhere) {
    last_failures_.forget(destination);
  }
  if (!result.waits_elsewhere) {
    // The next message need not wait until this one's outcome is on the disk.
    plan(lane).leave_room(work.entry, result.health, world_.loop.now());
    pump_soon();
  }
  co_return result;
}

bool QueueManager::move(const rules::QueuePlan::Work& work, const std::string& domain, const std::string& destination) {
  if (rules::is_mx_destination(destination)) names_.learn(domain, destination);
  pump_soon();  // those behind it may have its place
  return remote_.reassign(work.entry, destination);
}

world::Task<> QueueManager::leave_to_wait(MessageId id) {
  if (touched_.contains(id)) co_await replan(id);
  if (!newest_.empty() && !is_running(id)) newest_.erase(id);
}

void QueueManager::defer_after_fault(Lane lane, rules::EntryId entry, const Error& error) {
  const auto now = world_.loop.now();
  if (error.kind == Error::Kind::not_found || error.kind == Error::Kind::corrupt) {
    if (error.kind == Error::Kind::corrupt) ++facts_.quarantined;
    plan(lane).finish(entry, rules::Health::not_tried, now);
    if (!is_running(entry.message)) touched_.erase(entry.message);
    return;
  }
  world_.log.error("message.unreadable", {{"message", entry.message}, {"error", error.text}});
  const auto due = after(now, settings_.retry.waits.front());
  if (!plan(lane).defer(entry, rules::Health::not_tried, now, due)) {
    world_.log.info("message.removed", {{"message", entry.message}});
  }
}

}  // namespace posthorn::service
