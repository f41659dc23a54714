#include "system/timer_heap.hpp"

#include "base/assert.hpp"

#include <utility>

namespace posthorn::system {
namespace {

/// An id is the slot in the lower 24 bits and the slot's uses above them: sixteen million timers at once, and a slot
/// may be used 2^40 times.
constexpr unsigned slot_bits = 24;
constexpr std::uint64_t slot_mask = (std::uint64_t{1} << slot_bits) - 1;

}  // namespace

world::TimerId TimerHeap::start(MonotonicTime when, world::Callback callback) {
  const auto slot = take_slot();
  slots_[slot].callback = std::move(callback);
  heap_.push_back({});
  sift_up(heap_.size() - 1, {when, ++started_, slot});
  return world::TimerId{slots_[slot].uses << slot_bits | slot};
}

void TimerHeap::cancel(world::TimerId timer) {
  const auto id = static_cast<std::uint64_t>(timer);
  const auto slot = static_cast<std::size_t>(id & slot_mask);
  if (id == 0 || slot >= slots_.size() || slots_[slot].uses != id >> slot_bits) return;
  remove_at(slots_[slot].position);
}

world::Callback TimerHeap::take_first() {
  ensure(!heap_.empty(), "a timer is there to be taken");
  return remove_at(0);
}

std::uint32_t TimerHeap::take_slot() {
  auto slot = first_free_;
  if (slot == none_free) {
    slot = static_cast<std::uint32_t>(slots_.size());
    ensure(slot <= slot_mask, "fewer than sixteen million timers");
    slots_.emplace_back();
  } else {
    first_free_ = slots_[slot].position;
  }
  ++slots_[slot].uses;
  return slot;
}

world::Callback TimerHeap::remove_at(std::size_t position) {
  const auto slot = heap_[position].slot;
  const auto last = heap_.back();
  heap_.pop_back();
  if (position < heap_.size()) {
    const bool rises = position > 0 && last.before(heap_[(position - 1) / 2]);
    rises ? sift_up(position, last) : sift_down(position, last);
  }
  ++slots_[slot].uses;  // the id names nothing from now on
  slots_[slot].position = std::exchange(first_free_, slot);
  return std::exchange(slots_[slot].callback, nullptr);
}

void TimerHeap::place(std::size_t position, const Entry& entry) {
  heap_[position] = entry;
  slots_[entry.slot].position = static_cast<std::uint32_t>(position);
}

void TimerHeap::sift_up(std::size_t position, Entry entry) {
  while (position > 0) {
    const auto parent = (position - 1) / 2;
    if (!entry.before(heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void TimerHeap::sift_down(std::size_t position, Entry entry) {
  for (;;) {
    auto child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(entry)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

}  // namespace posthorn::system
