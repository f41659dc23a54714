// TaskGroup: owns the tasks that run on their own (one per connection, one per delivery). A finished task leaves by
// itself. Destroying the group destroys what is still suspended; that is allowed only when the loop no longer runs
// (end of the program, or a simulated power cut).
// One loop's thread only. Limit: none here; whoever starts tasks bounds them.
#pragma once

#include "world/task.hpp"

#include <coroutine>
#include <cstddef>

namespace posthorn::world {

class TaskGroup {
 public:
  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  /// Runs the task at once, up to its first suspension.
  void start(Task<void> task);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  /// The outermost frame of a started task: a link in the group's list, which destroys itself when the task is done.
  struct Runner {
    struct promise_type {
      TaskGroup* group;
      promise_type* next = nullptr;
      promise_type* previous = nullptr;

      promise_type(TaskGroup& owner, Task<void>& /*task*/);
      promise_type(const promise_type&) = delete;
      promise_type& operator=(const promise_type&) = delete;
      ~promise_type();
      [[nodiscard]] Runner get_return_object() const noexcept { return {}; }
      [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
      [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
      [[noreturn]] void unhandled_exception() const noexcept { bug("an exception left a task"); }
      void return_void() const noexcept {}
    };
  };
  static Runner run(TaskGroup& group, Task<void> task);

  Runner::promise_type* first_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace posthorn::world
