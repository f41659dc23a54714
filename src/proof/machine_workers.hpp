// MachineWorkers: the worker threads of one life of the simulated server. Each job runs in one piece at a drawn moment; it
// then lasts as long as the disk says its operations took, and its answer comes after that. A pool of one keeps the order of
// its jobs and has one under way; a larger one takes them in any order.
#pragma once

#include "proof/machine_loop.hpp"
#include "sim/disk.hpp"
#include "sim/random.hpp"
#include "world/workers.hpp"

#include <deque>

namespace posthorn::proof {

class MachineWorkers final : public world::Workers {
 public:
  struct Settings {
    Duration longest_wait{};
    bool in_order = false;
  };

  /// All outlive it.
  struct World {
    MachineLoop& loop;
    sim::Disk& disk;
    sim::Random& random;
  };

  MachineWorkers(World world, Settings settings) : world_(world), settings_(settings) {}

  void run(world::Callback job) override;
  [[nodiscard]] std::size_t waiting() const { return jobs_.size(); }

 private:
  void run_one();

  World world_;
  Settings settings_;
  std::deque<world::Callback> jobs_;
  MonotonicTime busy_until_{};
};

}  // namespace posthorn::proof
