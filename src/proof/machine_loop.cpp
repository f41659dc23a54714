#include "proof/machine_loop.hpp"

#include "base/assert.hpp"

#include <utility>

namespace posthorn::proof {

namespace {

// A timer's name is the number of its callback, which is given once, and the slot that holds it.
constexpr std::uint64_t most_slots = 1U << 24;

std::uint64_t slot_in(world::TimerId id) { return static_cast<std::uint64_t>(id) % most_slots; }
std::uint64_t number_in(world::TimerId id) { return static_cast<std::uint64_t>(id) / most_slots; }

}  // namespace

bool MachineLoop::Kept::has(world::TimerId id) const {
  return id != world::TimerId::none && slot_in(id) < slots.size() && slots[slot_in(id)].number == number_in(id);
}

MachineLoop::Waiting MachineLoop::Kept::take(world::TimerId id) {
  auto& slot = slots[slot_in(id)];
  free.push_back(static_cast<std::uint32_t>(slot_in(id)));
  slot.number = 0;
  return {std::move(slot.callback), slot.timer};
}

void MachineLoop::Kept::run(world::TimerId id) {
  if (!has(id)) return;
  auto waiting = take(id);
  if (!is_over) waiting.callback();
}

world::TimerId MachineLoop::keep(world::Callback callback) {
  auto& kept = *kept_;
  if (kept.free.empty()) {
    ensure(kept.slots.size() < most_slots, "a life of the simulated server has fewer callbacks than that");
    kept.free.push_back(static_cast<std::uint32_t>(kept.slots.size()));
    kept.slots.emplace_back();
  }
  const auto slot = kept.free.back();
  kept.free.pop_back();
  kept.slots[slot] = {std::move(callback), world::TimerId::none, ++last_number_};
  return world::TimerId{last_number_ * most_slots + slot};
}

void MachineLoop::post(world::Callback callback) {
  if (kept_->is_over) return;
  if (in_job_) {
    posted_in_job_.push_back(std::move(callback));
    return;
  }
  loop_.post([kept = kept_, id = keep(std::move(callback))] { kept->run(id); });
}

world::TimerId MachineLoop::start_timer(MonotonicTime when, world::Callback callback) {
  if (when == never || kept_->is_over) return world::TimerId::none;
  const auto id = keep(std::move(callback));
  kept_->slots[slot_in(id)].timer = loop_.start_timer(when, [kept = kept_, id] { kept->run(id); });
  return id;
}

void MachineLoop::cancel_timer(world::TimerId timer) {
  if (!kept_->has(timer)) return;
  const auto cancelled = kept_->take(timer);
  loop_.cancel_timer(cancelled.timer);
}

/// What a callback holds may cancel others as it goes.
void MachineLoop::drop() {
  const auto dropped = std::exchange(kept_->slots, {});
  kept_->free.clear();
}

void MachineLoop::end_job(Duration took) {
  in_job_ = false;
  auto posted = std::exchange(posted_in_job_, {});
  if (posted.empty() || kept_->is_over) return;
  if (took > Duration{}) {
    start_timer(after(loop_.now(), took), [this, late = std::move(posted)]() mutable {
      for (auto& callback : late) post(std::move(callback));
    });
    return;
  }
  for (auto& callback : posted) post(std::move(callback));
}

}  // namespace posthorn::proof
