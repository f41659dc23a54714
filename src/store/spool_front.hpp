// SpoolFront: where sessions and the commit thread meet. While one batch is written the next gathers; there is no timer.
// Any thread hands items in; the commit worker takes all that gathered; each item's result goes back to its loop, one
// callback for all of a batch that wait on the same loop.
#pragma once

#include "store/spool_item.hpp"
#include "world/workers.hpp"

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

namespace posthorn::store {

class SpoolFront {
 public:
  using Items = std::vector<ItemPointer>;

  explicit SpoolFront(world::Workers& commit_worker) : commit_worker_(commit_worker) {}

  /// `write` is called on the commit worker with all that gathered, and answers each item in the end.
  /// `on_abandoned` is called on the item's loop for a stored message whose waiter gave up, `on_stored` for what was stored,
  /// before its waiter hears of it.
  void attach(std::function<void(Items)> write, std::function<void(const SpoolItem&)> on_abandoned,
              std::function<void(SpoolItem&)> on_stored);

  void add(ItemPointer item);
  /// Sends results to their loops. On the commit worker.
  void answer(Items items);
  /// Nothing gathers and nothing is being written.
  [[nodiscard]] bool is_idle() const;

 private:
  void work();
  void answer_on_loop(Items& items);

  world::Workers& commit_worker_;
  std::function<void(Items)> write_;
  std::function<void(const SpoolItem&)> on_abandoned_;
  std::function<void(SpoolItem&)> on_stored_;
  mutable std::mutex mutex_;
  Items gathered_;
  bool is_writing_ = false;
};

}  // namespace posthorn::store
