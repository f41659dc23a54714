#include "store/segment_table.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace posthorn::store {

Segment& SegmentTable::add(const SegmentHeader& header, SegmentStage stage) {
  const auto [at, is_new] = segments_.try_emplace(header.number);
  ensure(is_new, "a segment is known once");
  at->second.header = header;
  at->second.stage = stage;
  last_number_ = std::max(last_number_, header.number);
  if (!header.is_empty()) on_disk_.insert(header.generation);
  return at->second;
}

Segment* SegmentTable::find(std::uint32_t number) {
  const auto found = segments_.find(number);
  return found == segments_.end() ? nullptr : &found->second;
}

const Segment* SegmentTable::find(std::uint32_t number) const {
  const auto found = segments_.find(number);
  return found == segments_.end() ? nullptr : &found->second;
}

void SegmentTable::erase(std::uint32_t number) {
  auto* segment = find(number);
  ensure(segment != nullptr && segment->live_messages == 0, "a segment with live messages is not removed");
  for (const auto generation : segment->older_generations) on_disk_.erase(generation);
  on_disk_.erase(segment->header.generation);
  segments_.erase(number);
}

std::uint32_t SegmentTable::free_number() { return ++last_number_; }

std::size_t SegmentTable::count(SegmentStage stage) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(segments_, [stage](const auto& entry) { return entry.second.stage == stage; }));
}

void SegmentTable::renewing(Segment& segment, const SegmentHeader& header) {
  ensure(segment.stage == SegmentStage::empty || is_dead(segment), "only an empty or dead segment gets a new life");
  if (!segment.header.is_empty()) segment.older_generations.push_back(segment.header.generation);
  segment.header = header;
  segment.stage = SegmentStage::active;
  segment.holds_stale_copies = false;
  segment.finishes = 0;
  segment.covers.clear();
  on_disk_.insert(header.generation);
}

void SegmentTable::renewed(Segment& segment) {
  for (const auto generation : segment.older_generations) on_disk_.erase(generation);
  segment.older_generations.clear();
}

void SegmentTable::emptied(Segment& segment, const SegmentHeader& header) {
  on_disk_.erase(segment.header.generation);
  renewed(segment);
  segment = Segment{.header = header, .covers = {}, .older_generations = {}};
}

std::vector<std::uint64_t> SegmentTable::generations_of(const Segment& segment) const {
  std::vector<std::uint64_t> generations{segment.header.generation};
  for (const auto& [number, other] : segments_) {
    if (other.holds_stale_copies && &other != &segment) generations.push_back(other.header.generation);
  }
  return generations;
}

void SegmentTable::add_covers(Segment& segment, const std::vector<std::uint64_t>& generations) {
  for (const auto generation : generations) {
    if (generation == segment.header.generation) continue;
    const auto at = std::ranges::lower_bound(segment.covers, generation);
    if (at == segment.covers.end() || *at != generation) segment.covers.insert(at, generation);
  }
}

bool SegmentTable::is_pinned(Segment& segment) {
  std::erase_if(segment.covers, [this](std::uint64_t generation) { return !is_on_disk(generation); });
  return !segment.covers.empty();
}

bool SegmentTable::is_dead(Segment& segment) {
  const bool may_be = segment.stage == SegmentStage::sealed || segment.stage == SegmentStage::failed;
  return may_be && !segment.is_busy && segment.live_messages == 0 && segment.live_outcomes == 0 && !is_pinned(segment);
}

}  // namespace posthorn::store
