// What an open spool does for itself, on one loop: free space and identity are looked at, a failing disk is probed, dead
// segments are emptied for reuse, the stock is filled, and segments with little left in them are compacted: their live
// records are written again at the end of the log, and only when that is durable may the segment go (I23).
// Inner to the spool.
#pragma once

#include "store/segment_scanner.hpp"
#include "store/spool_core.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace posthorn::store {

class SpoolMaintenance {
 public:
  SpoolMaintenance(std::shared_ptr<SpoolCore> core, world::Loop& loop) : core_(std::move(core)), loop_(loop) {}

  /// Until SpoolCore::is_stopping.
  [[nodiscard]] world::Task<> run();

 private:
  [[nodiscard]] world::Task<> pass();
  [[nodiscard]] world::Task<> look_after_failures();
  [[nodiscard]] world::Task<> mark_pause();
  [[nodiscard]] world::Task<> check_place();
  [[nodiscard]] world::Task<> retire_dead();
  [[nodiscard]] world::Task<> fill_stock();
  void retry_removals();

  // ---- compaction ----
  [[nodiscard]] world::Task<> compact_one();
  struct Victim {
    SegmentHeader header;
    ScanOptions options;
  };
  [[nodiscard]] std::optional<Victim> choose_victim();
  [[nodiscard]] std::optional<std::uint64_t> cost_of(Segment& segment) const;
  [[nodiscard]] world::Task<bool> move_messages(const SegmentScan& scan, std::uint32_t segment);
  [[nodiscard]] world::Task<bool> restate_outcomes(const SegmentScan& scan, std::uint32_t segment);
  [[nodiscard]] world::Task<bool> restate_finishes(const SegmentScan& scan, std::uint64_t generation);
  bool release_victim(std::uint32_t segment, bool is_clear);
  [[nodiscard]] bool stands_at(MessageId id, RecordPlace place);
  /// Hands all of them in at once; true when each was answered with success.
  [[nodiscard]] world::Task<bool> write_all(std::vector<ItemPointer> items);

  [[nodiscard]] std::optional<std::uint32_t> next_dead();

  std::shared_ptr<SpoolCore> core_;
  world::Loop& loop_;
  MonotonicTime next_check_{};
  std::uint64_t batches_seen_ = 0;  // SpoolState::batches a moment ago
  MonotonicTime rests_since_{};
  std::uint64_t resting_ = 0;  // generation: a victim that could not be cleared is not tried again at once
  MonotonicTime rests_until_{};
};

}  // namespace posthorn::store
