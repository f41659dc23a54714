// EventLoop: the real world::Loop, one Boost.Asio context driven by one thread. Timers stand in a heap of our own behind a
// single Asio timer; posts from any thread gather in one queue and wake the loop once.
// Streams, acceptors and polled descriptors are made on it and destroyed before it.
#pragma once

#include "base/result.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"
#include "world/task_group.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace posthorn::system {

class EventLoop final : public world::Loop {
 public:
  /// Errors: too_many_files, no_memory.
  static Result<std::unique_ptr<EventLoop>> make(const world::Clock& clock);
  struct Core;
  explicit EventLoop(std::unique_ptr<Core> core);
  ~EventLoop() override;

  [[nodiscard]] const world::Clock& clock() const override;
  void post(world::Callback callback) override;
  world::TimerId start_timer(MonotonicTime when, world::Callback callback) override;
  void cancel_timer(world::TimerId timer) override;

  /// Runs on the calling thread until stop(). May be called again afterwards.
  void run();
  /// Ends run() after the callback that is running; a run() that has not begun yet returns at once. Any thread.
  void stop();

  /// The inside, for the other parts of system/ (system/loop_core.hpp).
  [[nodiscard]] Core& core() { return *core_; }

 private:
  std::unique_ptr<Core> core_;
};

/// Runs the loop on this thread until the task has ended. For commands that do one thing, and for tests.
template <class T>
T run_to_end(EventLoop& loop, world::Task<T> task) {
  std::optional<T> result;
  world::TaskGroup group;
  group.start([](EventLoop& on, world::Task<T> inner, std::optional<T>& out) -> world::Task<> {
    out.emplace(co_await std::move(inner));
    on.stop();
  }(loop, std::move(task), result));
  loop.run();
  return std::move(*result);
}

}  // namespace posthorn::system
