// WorkerThreads: the real world::Workers, a fixed number of threads that take jobs from one queue in order.
// Destroying it runs what is queued, then joins. A pool of one runs its jobs one after another.
#pragma once

#include "system/thread.hpp"
#include "world/workers.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace posthorn::system {

class WorkerThreads final : public world::Workers {
 public:
  struct Settings {
    std::string name = "worker";
    unsigned threads = 1;
  };

  explicit WorkerThreads(const Settings& settings);
  ~WorkerThreads() override;

  void run(world::Callback job) override;
  /// Runs what is queued, then joins. Jobs that come later never run.
  void end();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<world::Callback> jobs_;
  bool ends_ = false;
  std::vector<Thread> threads_;
};

}  // namespace posthorn::system
