#include "sim/loop.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace posthorn::sim {
namespace {

constexpr std::int64_t million = 1'000'000;
constexpr std::uint64_t most_slots = 1U << 24;  // a timer's name is its number and its slot
constexpr std::size_t few_cancelled = 64;

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
  const Key key{when < clock_.now() ? clock_.now() : when, draw_tie_break(), ++last_id_};
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

void Loop::post(world::Callback callback) { posts_.push_back({{clock_.now(), 0, ++last_id_}, std::move(callback)}); }

void Loop::cancel_timer(world::TimerId timer) {
  const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(timer) % most_slots);
  const auto id = static_cast<std::uint64_t>(timer) / most_slots;
  if (id == 0 || slot >= slots_.size() || slots_[slot].id != id) return;
  const auto cancelled = take(slot);
  ++cancelled_;
  drop_cancelled();
}

world::Callback Loop::take(std::uint32_t slot) {
  slots_[slot].id = 0;
  free_slots_.push_back(slot);
  return std::exchange(slots_[slot].callback, {});
}

/// Those in front; all of them where they are most of the heap: deadlines that never come are the rule.
void Loop::drop_cancelled() {
  if (cancelled_ > few_cancelled && cancelled_ * 2 > heap_.size()) {
    std::erase_if(heap_, [this](const Event& event) { return is_cancelled(event); });
    std::ranges::make_heap(heap_, std::ranges::greater{}, &Event::key);
    cancelled_ = 0;
  }
  while (!heap_.empty() && is_cancelled(heap_.front())) {
    std::ranges::pop_heap(heap_, std::ranges::greater{}, &Event::key);
    heap_.pop_back();
    --cancelled_;
  }
}

bool Loop::post_is_next() const { return !posts_.empty() && (heap_.empty() || posts_.front().key < heap_.front().key); }

MonotonicTime Loop::next_event() const {
  if (post_is_next()) return posts_.front().key.when;
  return heap_.empty() ? never : heap_.front().key.when;
}

bool Loop::step() {
  if (idle()) return false;
  clock_.advance_to(next_event());
  world::Callback callback;
  if (post_is_next()) {
    callback = std::move(posts_.front().callback);
    posts_.pop_front();
  } else {
    std::ranges::pop_heap(heap_, std::ranges::greater{}, &Event::key);
    callback = take(heap_.back().slot);
    heap_.pop_back();
    drop_cancelled();
  }
  ++events_run_;
  callback();
  return true;
}

void Loop::run_until(MonotonicTime when) {
  while (!idle() && next_event() <= when) step();
  clock_.advance_to(when);
}

void Loop::mix_into(RunningHash& hash) const {
  hash.mix(static_cast<std::uint64_t>(clock_.now().time_since_epoch().count()));
  hash.mix(static_cast<std::uint64_t>(clock_.wall().time_since_epoch().count()));
  hash.mix(state_);
  for (const auto& post : posts_) hash.mix(post.key.id);
  std::vector<Key> keys;
  for (const auto& event : heap_) {
    if (!is_cancelled(event)) keys.push_back(event.key);
  }
  std::ranges::sort(keys);
  for (const auto& key : keys) {
    hash.mix(static_cast<std::uint64_t>(key.when.time_since_epoch().count()));
    hash.mix(key.tie_break);
  }
}

std::uint64_t Loop::draw_tie_break() {
  if (state_ == 0) return 0;
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_;
}

}  // namespace posthorn::sim
