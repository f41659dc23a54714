#include "sim/loop.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace posthorn::sim {
namespace {

constexpr std::int64_t million = 1'000'000;
constexpr std::uint64_t most_slots = 1U << 24;  // a timer's name is its number and its slot

}  // namespace

void VirtualClock::advance_to(MonotonicTime when) {
  if (when <= now_) return;
  const auto passed = std::chrono::floor<std::chrono::microseconds>(when.time_since_epoch()) -
                      std::chrono::floor<std::chrono::microseconds>(now_.time_since_epoch());
  drifted_ += passed.count() * drift_;
  wall_ += passed + std::chrono::microseconds{drifted_ / million};
  drifted_ %= million;
  now_ = when;
}

world::TimerId Loop::start_timer(MonotonicTime when, world::Callback callback) {
  if (when == never) return world::TimerId::none;
  return insert({when < clock_.now() ? clock_.now() : when, draw_tie_break(), ++last_id_}, std::move(callback));
}

void Loop::post(world::Callback callback) { insert({clock_.now(), 0, ++last_id_}, std::move(callback)); }

world::TimerId Loop::insert(Key key, world::Callback callback) {
  if (free_slots_.empty()) {
    ensure(slots_.size() < most_slots, "a simulated loop has fewer timers than that");
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const auto slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = {std::move(callback), key.id};
  heap_.push_back({key, slot});
  std::ranges::push_heap(heap_, std::ranges::greater{}, &Event::key);
  return world::TimerId{key.id * most_slots + slot};
}

void Loop::cancel_timer(world::TimerId timer) {
  const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(timer) % most_slots);
  const auto id = static_cast<std::uint64_t>(timer) / most_slots;
  if (id == 0 || slot >= slots_.size() || slots_[slot].id != id) return;
  const auto cancelled = take(slot);
  drop_cancelled();
}

world::Callback Loop::take(std::uint32_t slot) {
  slots_[slot].id = 0;
  free_slots_.push_back(slot);
  return std::exchange(slots_[slot].callback, {});
}

void Loop::drop_cancelled() {
  while (!heap_.empty() && slots_[heap_.front().slot].id != heap_.front().key.id) {
    std::ranges::pop_heap(heap_, std::ranges::greater{}, &Event::key);
    heap_.pop_back();
  }
}

bool Loop::step() {
  if (heap_.empty()) return false;
  const auto [key, slot] = heap_.front();
  auto callback = take(slot);
  drop_cancelled();
  clock_.advance_to(key.when);
  ++events_run_;
  callback();
  return true;
}

void Loop::run_until(MonotonicTime when) {
  while (!heap_.empty() && heap_.front().key.when <= when) step();
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
