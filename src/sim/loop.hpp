// The simulated loop: one event heap that owns virtual time. Time passes only when nothing else is left to run at the
// present moment. What was posted runs first and in order; timers of one moment run in the order of a seeded tie-break, or
// in order of arrival with seed 0.
// One thread; also the loop of unit tests.
#pragma once

#include "sim/running_hash.hpp"
#include "world/loop.hpp"

#include <compare>
#include <cstdint>
#include <deque>
#include <vector>

namespace posthorn::sim {

/// Virtual time; the calendar may be set apart from it (clock jumps) and go at another pace (drift).
class VirtualClock final : public world::Clock {
 public:
  [[nodiscard]] MonotonicTime now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return wall_; }

  void advance_to(MonotonicTime when);
  /// The calendar jumps; monotonic time does not.
  void jump_wall(std::chrono::microseconds by) { wall_ += by; }
  /// From now on the calendar gains so much on monotonic time; below 0: loses. 1,000,000 is twice the pace.
  void drift_wall(std::int32_t parts_per_million) { drift_ = parts_per_million; }

 private:
  MonotonicTime now_{};
  WallTime wall_{std::chrono::seconds{1'790'000'000}};  // 2026-09-21
  std::int64_t drift_ = 0;
  std::int64_t drifted_ = 0;  // millionths of a microsecond that are not in the calendar yet
};

class Loop final : public world::Loop {
 public:
  explicit Loop(std::uint64_t seed = 0) : state_(seed) {}

  [[nodiscard]] const VirtualClock& clock() const override { return clock_; }
  [[nodiscard]] VirtualClock& clock() { return clock_; }
  void post(world::Callback callback) override;
  world::TimerId start_timer(MonotonicTime when, world::Callback callback) override;
  void cancel_timer(world::TimerId timer) override;

  /// Runs the next event, moving time to it. False: there is none.
  bool step();
  /// Runs until no event is left at or before `when`, then moves time there.
  void run_until(MonotonicTime when);
  void run_for(Duration wait) { run_until(after(clock_.now(), wait)); }
  /// Runs all that needs no time to pass.
  void settle() { run_until(clock_.now()); }
  /// Runs until nothing is left. Only for worlds that come to rest.
  void run() {
    while (step()) {
    }
  }
  [[nodiscard]] bool idle() const { return heap_.empty() && posts_.empty(); }
  [[nodiscard]] MonotonicTime next_event() const;
  [[nodiscard]] std::uint64_t events_run() const { return events_run_; }
  /// Mixes in the time, what is to run when, and what chance will decide. Not what the callbacks are.
  void mix_into(RunningHash& hash) const;

 private:
  struct Key {
    MonotonicTime when;
    std::uint64_t tie_break;
    std::uint64_t id;
    auto operator<=>(const Key&) const = default;
  };
  struct Slot {
    world::Callback callback;
    std::uint64_t id = 0;  // 0: free
  };
  struct Event {
    Key key;
    std::uint32_t slot = 0;
  };
  struct Post {
    Key key;
    world::Callback callback;
  };
  [[nodiscard]] bool is_cancelled(const Event& event) const { return slots_[event.slot].id != event.key.id; }
  /// Whether what was posted first runs before every timer.
  [[nodiscard]] bool post_is_next() const;
  /// Out of the slot, which is free then.
  [[nodiscard]] world::Callback take(std::uint32_t slot);
  void drop_cancelled();
  std::uint64_t draw_tie_break();

  VirtualClock clock_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Event> heap_;    // the earliest in front, and that one was not cancelled
  std::size_t cancelled_ = 0;  // of the heap
  std::deque<Post> posts_;     // in the order of their keys
  std::uint64_t last_id_ = 0;
  std::uint64_t state_;
  std::uint64_t events_run_ = 0;
};

}  // namespace posthorn::sim
