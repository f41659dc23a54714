// The simulated workers: a job runs in one piece, on the one thread there is, at a moment drawn from a seed; what it posts
// comes after it. A pool of one keeps the order of its jobs, a larger one does not. Jobs left when the workers are
// destroyed never run, as after a power cut.
#pragma once

#include "sim/disk_choice.hpp"
#include "sim/loop.hpp"
#include "world/workers.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

namespace posthorn::sim {

class Workers final : public world::Workers {
 public:
  struct Settings {
    std::uint64_t seed = 0;  ///< 0: every job runs as soon as the loop gets there
    Duration longest_wait{};
    bool in_order = false;  ///< one thread
  };

  Workers(Loop& loop, const Settings& settings) : loop_(loop), settings_(settings), chance_(settings.seed) {}

  void run(world::Callback job) override {
    jobs_->push_back(std::move(job));
    // The timer does not keep the jobs alive: after the workers are gone it finds none.
    loop_.start_timer(after(loop_.now(), draw_wait()),
                      [jobs = std::weak_ptr(jobs_), in_order = settings_.in_order, draw = chance_.next()] {
                        if (const auto left = jobs.lock()) run_one(*left, in_order ? 0 : draw);
                      });
  }

  [[nodiscard]] std::size_t waiting() const { return jobs_->size(); }

 private:
  using Jobs = std::deque<world::Callback>;

  static void run_one(Jobs& jobs, std::uint64_t draw) {
    const auto chosen = jobs.begin() + static_cast<std::ptrdiff_t>(draw % jobs.size());
    auto job = std::move(*chosen);
    jobs.erase(chosen);
    job();
  }

  Duration draw_wait() {
    if (settings_.seed == 0 || settings_.longest_wait <= Duration{}) return Duration{};
    return Duration{
        static_cast<std::int64_t>(chance_.pick(static_cast<std::uint64_t>(settings_.longest_wait.count()) + 1))};
  }

  Loop& loop_;
  Settings settings_;
  SeededChoice chance_;
  std::shared_ptr<Jobs> jobs_ = std::make_shared<Jobs>();
};

}  // namespace posthorn::sim
