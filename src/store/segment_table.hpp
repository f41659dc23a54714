// What is known in memory of each segment: its stage, what in it is still needed, and therefore when its octets may go.
// A segment may go when (1) no live message and no latest outcome of one stands in it, and (2) no generation that its
// finishing outcomes cover is on the disk any more: otherwise a message that is gone would come back (docs/spool_format.md).
// Not for several threads at once.
#pragma once

#include "store/segment_format.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace posthorn::store {

enum class SegmentStage : std::uint8_t {
  empty,   ///< written in full, ready for use
  unread,  ///< from an earlier start, not read yet
  active,  ///< batches go here
  sealed,  ///< full, or left when the program ended
  failed,  ///< sealed because a write or sync failed, or damaged: never written again (I22), removed when nothing needs it
};

struct Segment {
  SegmentHeader header;
  SegmentStage stage = SegmentStage::empty;
  bool is_busy = false;             ///< a background job has it
  bool has_failed = false;          ///< its sync at the start failed: what was read from it may be in memory only
  bool ends_clean = true;           ///< its last batch was acknowledged or declared void, not cut by the power
  bool holds_stale_copies = false;  ///< records of messages that were moved on stand in it
  std::uint32_t live_messages = 0;
  std::uint32_t live_outcomes = 0;    ///< recipients of live messages whose latest state stands here in an outcome
  std::uint32_t finishes = 0;         ///< outcomes that finish a message
  std::uint64_t live_octets = 0;      ///< of the live messages' records
  std::vector<std::uint64_t> covers;  ///< generations that its finishing outcomes cover; ascending
  /// Generations whose records may still stand in the file though a later header was written: until that one is durable.
  std::vector<std::uint64_t> older_generations;

  [[nodiscard]] std::uint32_t number() const { return header.number; }
  [[nodiscard]] bool is_log() const { return stage != SegmentStage::empty; }
};

class SegmentTable {
 public:
  Segment& add(const SegmentHeader& header, SegmentStage stage);
  [[nodiscard]] Segment* find(std::uint32_t number);
  [[nodiscard]] const Segment* find(std::uint32_t number) const;
  /// The file is gone.
  void erase(std::uint32_t number);

  /// This number is taken by a file that is no segment of ours.
  void avoid_number(std::uint32_t number) { last_number_ = std::max(last_number_, number); }
  /// A number no file has.
  [[nodiscard]] std::uint32_t free_number();
  [[nodiscard]] std::size_t size() const { return segments_.size(); }
  [[nodiscard]] std::size_t count(SegmentStage stage) const;
  [[nodiscard]] std::map<std::uint32_t, Segment>& all() { return segments_; }
  [[nodiscard]] const std::map<std::uint32_t, Segment>& all() const { return segments_; }

  /// A later life was written over this one, or is about to be: both may stand there until renewed() or emptied().
  void renewing(Segment& segment, const SegmentHeader& header);
  /// The header is durable: earlier lives are gone.
  void renewed(Segment& segment);
  /// An empty header is durable.
  void emptied(Segment& segment, const SegmentHeader& header);

  /// The generations that may hold a record of a message that stands in `segment`: what its finish has to cover. The
  /// segment the finish itself goes to needs no cover.
  [[nodiscard]] std::vector<std::uint64_t> generations_of(const Segment& segment) const;
  void add_covers(Segment& segment, const std::vector<std::uint64_t>& generations);

  /// Nothing in it is needed any more. Segments that are empty, unread, active or busy are not dead.
  [[nodiscard]] bool is_dead(Segment& segment);
  /// Something its finishing outcomes cover is still there.
  [[nodiscard]] bool is_pinned(Segment& segment);
  [[nodiscard]] bool is_on_disk(std::uint64_t generation) const { return on_disk_.contains(generation); }

 private:
  std::map<std::uint32_t, Segment> segments_;
  std::set<std::uint64_t> on_disk_;
  std::uint32_t last_number_ = 0;
};

}  // namespace posthorn::store
