#include "rules/queue_plan.hpp"

#include "base/assert.hpp"
#include "base/planted_fault.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::rules {
namespace {

// Destinations whose time has come take their seats a few at a time, so that no call is long (FAULTS F51).
constexpr int woken_at_once = 64;

}  // namespace

// Entries.

void QueuePlan::add(EntryId id, std::string_view destination, MonotonicTime due, Duration slack) {
  wait(insert(id, destination, due), due, slack);
}

void QueuePlan::add_held(EntryId id, std::string_view destination) {
  insert(id, destination, MonotonicTime{}).state = State::held;
}

void QueuePlan::add_expiring(EntryId id, std::string_view destination, MonotonicTime when) {
  wait_for_expiry(insert(id, destination, when), when);
}

QueuePlan::Entry& QueuePlan::insert(EntryId id, std::string_view destination, MonotonicTime when) {
  const auto [at, is_new] = entries_.try_emplace(id);
  ensure(is_new, "an entry is added once");
  at->second.id = &at->first;
  at->second.due = when;
  at->second.destination = &join(destination);
  return at->second;
}

QueuePlan::Entry* QueuePlan::entry(EntryId id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

QueuePlan::Entry& QueuePlan::running_entry(EntryId id) {
  auto* found = entry(id);
  ensure(found != nullptr && found->state == State::running, "an attempt ends for an entry that is running");
  return *found;
}

void QueuePlan::wait(Entry& entry, MonotonicTime due, Duration slack) {
  entry.state = State::waiting;
  entry.due = due;
  entry.slack = slack;
  entry.destination->waiting.push(entry);
  settle(*entry.destination);
}

void QueuePlan::wait_for_expiry(Entry& entry, MonotonicTime when) {
  entry.state = State::expiring;
  entry.due = when;
  expiring_.push(entry);
}

void QueuePlan::leave_heap(Entry& entry) {
  if (entry.state == State::expiring) expiring_.erase(entry);
  if (entry.state != State::waiting) return;
  entry.destination->waiting.erase(entry);
  settle(*entry.destination);
}

void QueuePlan::erase(Entry& entry) {
  auto& destination = *entry.destination;
  entries_.erase(entries_.find(*entry.id));
  part(destination);
}

void QueuePlan::set_since(EntryId id, MonotonicTime since) {
  if (auto* found = entry(id)) found->since = since;
}

// Handing out.

std::optional<QueuePlan::Work> QueuePlan::take(MonotonicTime now) {
  if (paused_ || running_ >= settings_.deliveries) return std::nullopt;
  wake(now);
  while (!ready_.empty()) {
    auto& destination = *ready_.front();
    sit(destination, Destination::Seat::none);
    if (can_start(destination, now)) return start(destination);
    settle(destination);
  }
  return std::nullopt;
}

std::optional<QueuePlan::Work> QueuePlan::take_more(std::string_view destination, MonotonicTime now,
                                                    std::uint32_t carried) {
  if (paused_ || running_ >= settings_.deliveries) return std::nullopt;
  wake(now);
  const auto found = destinations_.find(destination);
  if (found == destinations_.end() || !can_start(found->second, now)) return std::nullopt;
  auto& wanted = found->second;
  if (shares_failure(wanted, wanted.waiting.top())) return std::nullopt;
  const bool last_place = running_ + 1 >= settings_.deliveries;
  const bool others_wait = ready_.size() > (wanted.seat == Destination::Seat::ready ? 1U : 0U);
  if (carried >= settings_.messages_per_turn && last_place && others_wait) return std::nullopt;
  return start(wanted);
}

std::optional<EntryId> QueuePlan::take_expired(MonotonicTime now) {
  if (paused_ || running_ >= settings_.deliveries) return std::nullopt;
  if (expiring_.empty() || expiring_.top().due > now) return std::nullopt;
  auto& gone = expiring_.top();
  expiring_.erase(gone);
  gone.state = State::running;
  ++running_;
  return *gone.id;
}

void QueuePlan::wake(MonotonicTime now) {
  for (int i = 0; i < woken_at_once && !sleeping_.empty() && sleeping_.top().wakes_at <= now; ++i) {
    auto& destination = sleeping_.top();
    sleeping_.erase(destination);
    sit(destination, Destination::Seat::ready);
  }
}

bool QueuePlan::can_start(const Destination& destination, MonotonicTime now) const {
  if (destination.waiting.empty() || destination.waiting.top().due > now) return false;
  return has_room(destination) || shares_failure(destination, destination.waiting.top());
}

QueuePlan::Work QueuePlan::start(Destination& destination) {
  auto& entry = destination.waiting.top();
  const bool shares = shares_failure(destination, entry);
  destination.waiting.erase(entry);
  entry.state = State::running;
  entry.takes_room = !shares;
  if (entry.takes_room) ++destination.running;
  ++running_;
  Work work{*entry.id, std::string(destination.key), shares};
  settle(destination);
  return work;
}

bool QueuePlan::reassign(EntryId id, std::string_view destination) {
  auto& moving = running_entry(id);
  ensure(moving.takes_room, "what is reassigned is being tried");
  auto& before = *moving.destination;
  if (before.key == destination) return true;
  auto& target = join(destination);
  moving.destination = &target;
  --before.running;
  settle(before);
  part(before);
  if (has_room(target) && !shares_failure(target, moving)) {
    ++target.running;
    return true;
  }
  moving.takes_room = false;
  if (leave_running(moving)) wait(moving, moving.due, moving.slack);
  return false;
}

// The end of an attempt.

void QueuePlan::leave_room(EntryId id, Health health, MonotonicTime now) {
  end_attempt(running_entry(id), health, now);
}

void QueuePlan::finish(EntryId id, Health health, MonotonicTime now) {
  auto& done = running_entry(id);
  end_attempt(done, health, now);
  --running_;
  erase(done);
}

bool QueuePlan::defer(EntryId id, Health health, MonotonicTime now, MonotonicTime due, Duration slack) {
  auto& deferred = running_entry(id);
  end_attempt(deferred, health, now);
  deferred.since = now;
  if (deferred.remove_asked) return leave_running(deferred);
  if (leave_running(deferred)) wait(deferred, due, slack);
  return true;
}

bool QueuePlan::defer_until_expiry(EntryId id, Health health, MonotonicTime now, MonotonicTime when) {
  auto& deferred = running_entry(id);
  end_attempt(deferred, health, now);
  deferred.since = now;
  if (deferred.remove_asked) return leave_running(deferred);
  if (leave_running(deferred)) wait_for_expiry(deferred, when);
  return true;
}

void QueuePlan::end_attempt(Entry& entry, Health health, MonotonicTime now) {
  if (!entry.takes_room) return;
  auto& destination = *entry.destination;
  entry.takes_room = false;
  learn(destination, health, now);
  --destination.running;
  settle(destination);
}

/// Does what an operator asked meanwhile. True: nothing, the entry goes on to wait.
bool QueuePlan::leave_running(Entry& entry) {
  --running_;
  if (entry.remove_asked) {
    erase(entry);
    return false;
  }
  if (std::exchange(entry.expiry_asked, false)) {
    entry.hold_asked = false;
    wait_for_expiry(entry, entry.due);
    return false;
  }
  if (std::exchange(entry.hold_asked, false)) {
    entry.state = State::held;
    return false;
  }
  return true;
}

// The operator's hands.

bool QueuePlan::hold(EntryId id) {
  auto* found = entry(id);
  if (found == nullptr) return false;
  if (found->state == State::running) {
    found->hold_asked = true;
    return true;
  }
  leave_heap(*found);
  found->state = State::held;
  return true;
}

bool QueuePlan::release(EntryId id, MonotonicTime due) {
  auto* found = entry(id);
  if (found == nullptr) return false;
  found->hold_asked = false;
  if (found->state == State::held) wait(*found, due);
  return true;
}

bool QueuePlan::retry(EntryId id, MonotonicTime due) {
  auto* found = entry(id);
  if (found == nullptr) return false;
  if (found->state != State::waiting && found->state != State::expiring) return true;
  leave_heap(*found);
  wait(*found, due);
  return true;
}

bool QueuePlan::remove(EntryId id) {
  auto* found = entry(id);
  if (found == nullptr) return false;
  if (found->state == State::running) {
    found->remove_asked = true;
    return true;
  }
  leave_heap(*found);
  erase(*found);
  return true;
}

bool QueuePlan::expire(EntryId id, MonotonicTime when) {
  auto* found = entry(id);
  if (found == nullptr) return false;
  if (found->state == State::running) {
    found->expiry_asked = true;
    return true;
  }
  leave_heap(*found);
  wait_for_expiry(*found, when);
  return true;
}

void QueuePlan::change(const Settings& settings) {
  settings_ = settings;
  const auto most = std::max(settings_.largest_window, 1U);
  for (auto& [key, destination] : destinations_) {
    destination.window = std::min(destination.window, most);
    settle(destination);
  }
}

// Destinations.

QueuePlan::Destination& QueuePlan::join(std::string_view key) {
  auto found = destinations_.find(key);
  if (found == destinations_.end()) {
    found = destinations_.try_emplace(std::string(key)).first;
    found->second.key = found->first;
    found->second.serial = ++serial_;
    found->second.window = planted(PlantedFault::queue_window_ignored) ? settings_.deliveries : first_window();
  }
  ++found->second.members;
  if (found->second.seat == Destination::Seat::idle) sit(found->second, Destination::Seat::none);
  return found->second;
}

void QueuePlan::part(Destination& destination) {
  if (--destination.members > 0) return;
  settle(destination);
  destination.waiting.shrink();
  sit(destination, Destination::Seat::idle);
  const bool is_as_new = destination.failures == 0 && destination.window == first_window();
  if (is_as_new) forget(destination);
  while (idle_.size() > settings_.remembered_destinations) forget(*idle_.front());
}

void QueuePlan::forget(Destination& destination) {
  sit(destination, Destination::Seat::none);
  comparisons_ += destination.waiting.comparisons();
  destinations_.erase(destinations_.find(destination.key));
}

/// Called while the attempt still counts as running.
void QueuePlan::learn(Destination& destination, Health health, MonotonicTime now) {
  if (health == Health::not_tried) return;
  constexpr auto smallest = 1U;
  if (health == Health::turned_away) health = destination.running > 1 ? Health::throttled : Health::unreachable;
  if (health == Health::unreachable) {
    ++destination.failures;
    destination.window = std::max(destination.window / 2, smallest);
    if (is_dead(destination)) destination.failed_at = now;
    return;
  }
  if (is_dead(destination)) destination.window = first_window();
  destination.failures = 0;
  destination.failed_at = MonotonicTime::min();
  if (health == Health::throttled) destination.window = std::max(destination.window / 2, smallest);
  if (health == Health::worked && destination.running >= destination.window) {
    destination.window = std::min(destination.window + 1, std::max(settings_.largest_window, smallest));
  }
}

/// Finds the destination its place after its entries or its room have changed: asleep until its next entry is due, or, with
/// nothing to do or no room, nowhere. One that is in the line of the ready stays in it for as long as it has both.
void QueuePlan::settle(Destination& destination) {
  const auto& waiting = destination.waiting;
  const bool can_do = !waiting.empty() && (has_room(destination) || shares_failure(destination, waiting.top()));
  if (!can_do) {
    if (destination.seat == Destination::Seat::ready) sit(destination, Destination::Seat::none);
    if (destination.place != sleeping_.nowhere) sleeping_.erase(destination);
    return;
  }
  if (destination.seat == Destination::Seat::ready) return;
  destination.wakes_at = waiting.top().due;
  if (destination.place == sleeping_.nowhere) {
    sleeping_.push(destination);
  } else {
    sleeping_.moved(destination);
  }
}

void QueuePlan::sit(Destination& destination, Destination::Seat seat) {
  if (destination.seat != Destination::Seat::none) line(destination.seat).erase(destination.at);
  destination.seat = seat;
  if (seat != Destination::Seat::none) destination.at = line(seat).insert(line(seat).end(), &destination);
}

// Looking.

MonotonicTime QueuePlan::next_wakeup() const {
  if (paused_ || running_ >= settings_.deliveries) return never;
  const auto expiry = expiring_.empty() ? never : expiring_.top().due;
  if (!ready_.empty()) return MonotonicTime::min();
  return sleeping_.empty() ? expiry : std::min(expiry, sleeping_.top().wakes_at);
}

std::optional<QueuePlan::EntryFacts> QueuePlan::find(EntryId id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  const auto& entry = found->second;
  return EntryFacts{entry.state, entry.due, entry.destination->key, entry.since};
}

std::optional<QueuePlan::DestinationFacts> QueuePlan::find_destination(std::string_view destination) const {
  const auto found = destinations_.find(destination);
  if (found == destinations_.end()) return std::nullopt;
  const auto& facts = found->second;
  return DestinationFacts{facts.window, facts.running, facts.waiting.size(), is_dead(facts)};
}

std::vector<QueuePlan::BusyDestination> QueuePlan::busiest(std::size_t most) const {
  std::vector<const Destination*> all;
  for (const auto& [key, destination] : destinations_) {
    if (destination.members > 0) all.push_back(&destination);
  }
  const auto count = std::min(most, all.size());
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(count);
  std::ranges::partial_sort(all, middle, [](const Destination* a, const Destination* b) {
    const auto waiting_a = a->waiting.size();
    const auto waiting_b = b->waiting.size();
    return waiting_a != waiting_b ? waiting_a > waiting_b : a->serial < b->serial;
  });
  std::vector<BusyDestination> busiest;
  for (auto at = all.begin(); at != middle; ++at) {
    busiest.push_back({std::string((*at)->key), {(*at)->window, (*at)->running, (*at)->waiting.size(), is_dead(**at)}});
  }
  return busiest;
}

std::vector<EntryId> QueuePlan::entries_of(MessageId message) const {
  std::vector<EntryId> ids;
  for (auto at = entries_.lower_bound(EntryId{message, 0}); at != entries_.end() && at->first.message == message;
       ++at) {
    ids.push_back(at->first);
  }
  return ids;
}

std::size_t QueuePlan::octets_per_entry() {
  constexpr std::size_t node = sizeof(std::pair<const EntryId, Entry>) + 4 * sizeof(void*);
  constexpr std::size_t allocator = 2 * sizeof(void*);
  constexpr std::size_t in_a_heap_that_has_just_grown = 2 * sizeof(Entry*);
  return node + allocator + in_a_heap_that_has_just_grown;
}

std::uint64_t QueuePlan::comparisons() const {
  auto sum = comparisons_ + expiring_.comparisons() + sleeping_.comparisons();
  for (const auto& [key, destination] : destinations_) sum += destination.waiting.comparisons();
  return sum;
}

}  // namespace posthorn::rules
