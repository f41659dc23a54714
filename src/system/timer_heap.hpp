// TimerHeap: what is to run when. A binary heap over a table of slots, so that starting and forgetting a timer cost
// O(log n) and no allocation once the table has grown. Timers of one moment run in the order they were started.
// An id joins a slot with the count of its uses, so that the id of a timer that is gone names nothing.
#pragma once

#include "base/time.hpp"
#include "world/loop.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace posthorn::system {

class TimerHeap {
 public:
  [[nodiscard]] world::TimerId start(MonotonicTime when, world::Callback callback);
  /// Ignores ids of timers that have run or were forgotten.
  void cancel(world::TimerId timer);

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  /// When the first one is due; `never` if there is none.
  [[nodiscard]] MonotonicTime next() const { return heap_.empty() ? never : heap_.front().when; }
  /// Counts the timers started so far.
  [[nodiscard]] std::uint64_t started() const { return started_; }
  /// Whether one is due at `now` that was among the first `started` ones.
  [[nodiscard]] bool has_due(MonotonicTime now, std::uint64_t started) const {
    return !heap_.empty() && heap_.front().when <= now && heap_.front().order <= started;
  }
  /// Takes the first one out. Not when empty.
  [[nodiscard]] world::Callback take_first();

 private:
  struct Entry {
    MonotonicTime when;
    std::uint64_t order;
    std::uint32_t slot;
    [[nodiscard]] bool before(const Entry& other) const {
      return when != other.when ? when < other.when : order < other.order;
    }
  };
  struct Slot {
    world::Callback callback;
    std::uint64_t uses = 0;
    std::uint32_t position = 0;  ///< in the heap; when free, the next free slot
  };

  std::uint32_t take_slot();
  world::Callback remove_at(std::size_t position);
  void place(std::size_t position, const Entry& entry);
  void sift_up(std::size_t position, Entry entry);
  void sift_down(std::size_t position, Entry entry);

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::uint32_t first_free_ = none_free;
  std::uint64_t started_ = 0;

  static constexpr std::uint32_t none_free = 0xffffffff;
};

}  // namespace posthorn::system
