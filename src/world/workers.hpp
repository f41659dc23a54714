// Workers: threads for work that blocks (the disk, password hashes). A job runs once, on some worker; jobs may run in any
// order and at the same time. In the simulator a job runs in one piece at a drawn moment and its end is told later.
#pragma once

#include "world/loop.hpp"

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

namespace posthorn::world {

class Workers {
 public:
  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  virtual ~Workers() = default;

  /// Queues the job. Any thread. The queue has no bound of its own: whoever asks waits for the answer, so that there are
  /// never more jobs than sessions and deliveries.
  virtual void run(Callback job) = 0;
};

/// co_await on_workers(workers, loop, work): runs `work()` on a worker and goes on on `loop` with what it returned.
/// `work` may refer to the awaiting task's own variables: it is suspended meanwhile.
template <class Work>
class [[nodiscard]] on_workers {
  using Value = std::invoke_result_t<Work&>;
  static_assert(!std::is_void_v<Value>, "a job says how it ended: return Result<>");

 public:
  on_workers(Workers& workers, Loop& loop, Work work) : workers_(workers), loop_(loop), work_(std::move(work)) {}
  on_workers(const on_workers&) = delete;
  on_workers& operator=(const on_workers&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    workers_.run([this, waiting] {
      value_.emplace(work_());
      loop_.post([waiting] { waiting.resume(); });
    });
  }
  Value await_resume() { return std::move(*value_); }

 private:
  Workers& workers_;
  Loop& loop_;
  Work work_;
  std::optional<Value> value_;
};

}  // namespace posthorn::world
