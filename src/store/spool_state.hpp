// What the threads of the spool share, under one mutex: the segments, the index, and a few facts. Held for moments, never
// while anything is read, written or synced. Inner to the spool.
#pragma once

#include "store/segment_table.hpp"
#include "store/spool_index.hpp"
#include "world/disk.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace posthorn::store {

/// Which start of the spool gave this id.
[[nodiscard]] constexpr std::uint64_t start_of(MessageId id) { return id.value() >> 40; }
inline constexpr std::uint64_t last_start = (1U << 24) - 1;

struct SpoolState {
  std::mutex mutex;

  SegmentTable segments;
  SpoolIndex index{segments};
  std::vector<VoidRange> voids;                 ///< in force; goes into the header of each life that begins
  std::uint64_t last_generation = 0;            ///< given so far
  std::uint64_t newest_durable_generation = 0;  ///< its header names the void ranges that hold, and has to stay
  std::uint64_t start = 0;                      ///< this start of the spool
  bool is_recovered = false;                    ///< the index knows the messages of earlier starts
  bool is_in_place = true;                      ///< F12: the identity was where it should be, when last looked at
  std::atomic<bool> is_failing = false;         ///< no segment can be written
  Error::Kind failed_with = Error::Kind::io;
  bool is_full = false;       ///< a message found no segment; until there is one beyond the reserve
  bool has_open_end = false;  ///< the last batch of the log has no pause record behind it
  world::FreeSpace space;     ///< when last looked at

  std::uint64_t commits = 0;
  std::uint64_t batches = 0;
  std::uint64_t failed_batches = 0;
  std::uint64_t damaged_messages = 0;
  std::uint64_t compacted_segments = 0;

  /// Where a life ends: with the segment, or where a void range begins.
  [[nodiscard]] std::uint32_t end_of(const SegmentHeader& segment) const {
    for (const auto& range : voids) {
      if (range.generation == segment.generation) return range.from;
    }
    return segment.octets;
  }
};

}  // namespace posthorn::store
