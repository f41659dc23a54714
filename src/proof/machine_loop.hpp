// MachineLoop: the event loop of one life of the simulated server. It stands on the world's loop, whose time it shares, and
// ends with the life: what was posted or timed and has not run by then never runs, as after a power cut.
// What is posted while a worker's job runs arrives when the job has ended, which takes as long as the disk took.
#pragma once

#include "sim/loop.hpp"
#include "world/loop.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace posthorn::proof {

class MachineLoop final : public world::Loop {
 public:
  explicit MachineLoop(sim::Loop& loop) : loop_(loop), kept_(std::make_shared<Kept>()) {}
  ~MachineLoop() override { stop(); }

  [[nodiscard]] const world::Clock& clock() const override { return loop_.clock(); }
  void post(world::Callback callback) override;
  world::TimerId start_timer(MonotonicTime when, world::Callback callback) override;
  void cancel_timer(world::TimerId timer) override;

  /// Nothing runs any more; callbacks stay until drop().
  void stop() { kept_->is_over = true; }
  void drop();
  /// Callbacks that are to run yet.
  [[nodiscard]] std::size_t waiting() const { return kept_->slots.size() - kept_->free.size(); }

  void begin_job() { in_job_ = true; }
  void end_job(Duration took);

 private:
  struct Waiting {
    world::Callback callback;
    world::TimerId timer = world::TimerId::none;  // of the world's loop
    std::uint64_t number = 0;                     // 0: the slot is free
  };
  /// Callbacks in slots: the world's loop holds slots and numbers only, so that those left are destroyed with this life.
  struct Kept {
    std::vector<Waiting> slots;
    std::vector<std::uint32_t> free;
    bool is_over = false;
    [[nodiscard]] bool has(world::TimerId id) const;
    /// Out of the slot, which is free then.
    [[nodiscard]] Waiting take(world::TimerId id);
    void run(world::TimerId id);
  };
  [[nodiscard]] world::TimerId keep(world::Callback callback);

  sim::Loop& loop_;
  std::shared_ptr<Kept> kept_;
  std::vector<world::Callback> posted_in_job_;
  std::uint64_t last_number_ = 0;
  bool in_job_ = false;
};

}  // namespace posthorn::proof
