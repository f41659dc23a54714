// The simulated loop: one event heap that owns virtual time. Time passes only when nothing else is left to run at the
// present moment. What was posted runs first and in order; timers of one moment run in the order of a seeded tie-break, or
// in order of arrival with seed 0.
// One thread; also the loop of unit tests.
#pragma once

#include "world/loop.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <unordered_map>

namespace posthorn::sim {

/// Virtual time; the calendar may be set apart from it (clock jumps).
class VirtualClock final : public world::Clock {
 public:
  [[nodiscard]] MonotonicTime now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return wall_; }

  void advance_to(MonotonicTime when);
  /// The calendar jumps; monotonic time does not.
  void jump_wall(std::chrono::microseconds by) { wall_ += by; }

 private:
  MonotonicTime now_{};
  WallTime wall_{std::chrono::seconds{1'790'000'000}};  // 2026-09-21
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
  [[nodiscard]] bool idle() const { return events_.empty(); }
  [[nodiscard]] MonotonicTime next_event() const { return events_.empty() ? never : events_.begin()->first.when; }
  [[nodiscard]] std::uint64_t events_run() const { return events_run_; }

 private:
  struct Key {
    MonotonicTime when;
    std::uint64_t tie_break;
    std::uint64_t id;
    auto operator<=>(const Key&) const = default;
  };
  world::TimerId insert(Key key, world::Callback callback);
  std::uint64_t draw_tie_break();

  VirtualClock clock_;
  std::map<Key, world::Callback> events_;
  std::unordered_map<std::uint64_t, Key> by_id_;
  std::uint64_t last_id_ = 0;
  std::uint64_t state_;
  std::uint64_t events_run_ = 0;
};

}  // namespace posthorn::sim
