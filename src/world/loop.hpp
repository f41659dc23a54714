// Loop: one event loop, on one thread. Tasks, timers and streams belong to the loop they were made on; only post() and
// clock() may be called from other threads.
#pragma once

#include "base/time.hpp"
#include "world/clock.hpp"

#include <cstdint>
#include <functional>

namespace posthorn::world {

using Callback = std::move_only_function<void()>;

/// Names a timer that was started; never reused within a loop's life. 0 names none.
enum class TimerId : std::uint64_t { none = 0 };

class Loop {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  [[nodiscard]] virtual const Clock& clock() const = 0;
  [[nodiscard]] MonotonicTime now() const { return clock().now(); }

  /// Runs `callback` on the loop's thread, after what is running now. Any thread; callbacks of one thread keep their order.
  virtual void post(Callback callback) = 0;

  /// Runs `callback` once at `when` or soon after; `never` never does. On the loop's thread only.
  virtual TimerId start_timer(MonotonicTime when, Callback callback) = 0;
  /// Forgets a timer; one that has run, or `none`, is ignored. On the loop's thread only.
  virtual void cancel_timer(TimerId timer) = 0;
};

}  // namespace posthorn::world
