#include "sim/loop.hpp"

#include <utility>

namespace posthorn::sim {

void VirtualClock::advance_to(MonotonicTime when) {
  if (when <= now_) return;
  wall_ += std::chrono::floor<std::chrono::microseconds>(when.time_since_epoch()) -
           std::chrono::floor<std::chrono::microseconds>(now_.time_since_epoch());
  now_ = when;
}

world::TimerId Loop::start_timer(MonotonicTime when, world::Callback callback) {
  if (when == never) return world::TimerId::none;
  return insert({when < clock_.now() ? clock_.now() : when, draw_tie_break(), ++last_id_}, std::move(callback));
}

void Loop::post(world::Callback callback) { insert({clock_.now(), 0, ++last_id_}, std::move(callback)); }

world::TimerId Loop::insert(Key key, world::Callback callback) {
  events_.emplace(key, std::move(callback));
  by_id_.emplace(key.id, key);
  return world::TimerId{key.id};
}

void Loop::cancel_timer(world::TimerId timer) {
  const auto found = by_id_.find(static_cast<std::uint64_t>(timer));
  if (found == by_id_.end()) return;
  events_.erase(found->second);
  by_id_.erase(found);
}

bool Loop::step() {
  if (events_.empty()) return false;
  auto event = events_.extract(events_.begin());
  by_id_.erase(event.key().id);
  clock_.advance_to(event.key().when);
  ++events_run_;
  event.mapped()();
  return true;
}

void Loop::run_until(MonotonicTime when) {
  while (!events_.empty() && events_.begin()->first.when <= when) step();
  clock_.advance_to(when);
}

std::uint64_t Loop::draw_tie_break() {
  if (state_ == 0) return 0;
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_;
}

}  // namespace posthorn::sim
