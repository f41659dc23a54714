#include "world/task_group.hpp"

#include <utility>

namespace posthorn::world {

TaskGroup::Runner::promise_type::promise_type(TaskGroup& owner, Task<void>& /*task*/)
    : group(&owner), next(owner.first_) {
  if (next != nullptr) next->previous = this;
  owner.first_ = this;
  ++owner.size_;
}

TaskGroup::Runner::promise_type::~promise_type() {
  if (next != nullptr) next->previous = previous;
  (previous != nullptr ? previous->next : group->first_) = next;
  --group->size_;
}

TaskGroup::~TaskGroup() {
  while (first_ != nullptr) std::coroutine_handle<Runner::promise_type>::from_promise(*first_).destroy();
}

void TaskGroup::start(Task<void> task) { run(*this, std::move(task)); }

TaskGroup::Runner TaskGroup::run(TaskGroup& /*group*/, Task<void> task) { co_await std::move(task); }

}  // namespace posthorn::world
