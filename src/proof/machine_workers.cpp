#include "proof/machine_workers.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::proof {

void MachineWorkers::run(world::Callback job) {
  jobs_.push_back(std::move(job));
  const auto most = static_cast<std::uint64_t>(settings_.longest_wait.count());
  const Duration wait{most == 0 ? 0 : static_cast<std::int64_t>(world_.random.below(most + 1))};
  world_.loop.start_timer(after(world_.loop.now(), wait), [this] { run_one(); });
}

void MachineWorkers::run_one() {
  const auto now = world_.loop.now();
  if (settings_.in_order && busy_until_ > now) {
    world_.loop.start_timer(busy_until_, [this] { run_one(); });
    return;
  }
  const auto place = settings_.in_order ? 0 : world_.random.below(jobs_.size());
  const auto chosen = jobs_.begin() + static_cast<std::ptrdiff_t>(place);
  auto job = std::move(*chosen);
  jobs_.erase(chosen);
  static_cast<void>(world_.disk.take_elapsed());
  world_.loop.begin_job();
  job();
  const auto took = world_.disk.take_elapsed();
  busy_until_ = after(now, took);
  world_.loop.end_job(took);
}

}  // namespace posthorn::proof
