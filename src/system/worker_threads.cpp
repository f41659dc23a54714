#include "system/worker_threads.hpp"

#include "base/assert.hpp"

#include <fmt/core.h>

#include <utility>

namespace posthorn::system {

WorkerThreads::WorkerThreads(const Settings& settings) {
  ensure(settings.threads > 0, "a pool has a thread");
  for (unsigned i = 0; i < settings.threads; ++i) {
    const auto name = settings.threads == 1 ? settings.name : fmt::format("{}-{}", settings.name, i);
    threads_.emplace_back(name, [this] { work(); });
  }
}

WorkerThreads::~WorkerThreads() { end(); }

void WorkerThreads::end() {
  {
    const std::lock_guard lock{mutex_};
    ends_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerThreads::run(world::Callback job) {
  {
    const std::lock_guard lock{mutex_};
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void WorkerThreads::work() {
  std::unique_lock lock{mutex_};
  for (;;) {
    wake_.wait(lock, [this] { return ends_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace posthorn::system
