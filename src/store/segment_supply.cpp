#include "store/segment_supply.hpp"

#include "base/planted_fault.hpp"

#include <algorithm>

namespace posthorn::store {
namespace {

constexpr std::uint64_t smallest_fitted_segment = 256U << 10;

bool fits(const Segment& segment, std::uint64_t octets) {
  return segment.header.first_record() + octets <= segment.header.octets;
}

/// How many empty segments have to stay for those in greater need.
std::uint64_t floor_for(SegmentNeed need, std::uint64_t reserve, std::uint64_t makeable) {
  switch (need) {
    case SegmentNeed::message:
      return reserve - std::min(reserve, makeable);
    case SegmentNeed::deferral:
      return reserve / 2;
    case SegmentNeed::compaction:
      return 1;
    case SegmentNeed::outcome:
      return 0;
  }
  return reserve;
}

}  // namespace

SpoolSettings SegmentSupply::fit(SpoolSettings settings, const world::FreeSpace& space) {
  const auto most = std::max(space.total_octets / 128, smallest_fitted_segment);
  auto octets = std::min<std::uint64_t>(settings.segment_octets, most);
  octets = std::max<std::uint64_t>(octets / settings.block_octets, 4) * settings.block_octets;
  settings.segment_octets = static_cast<std::uint32_t>(octets);
  settings.reserve_octets = std::min(settings.reserve_octets, space.total_octets / 20);
  return settings;
}

std::uint32_t SegmentSupply::reserve() const {
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(2, settings_.reserve_octets / settings_.segment_octets));
}

std::uint64_t SegmentSupply::makeable() const {
  const auto spare = std::uint64_t{2} * settings_.segment_octets;
  return state_.space.octets < spare ? 0 : (state_.space.octets - spare) / settings_.segment_octets;
}

bool SegmentSupply::has_room_for_messages() const {
  return state_.segments.count(SegmentStage::empty) + makeable() >= reserve();
}

bool SegmentSupply::has_segment_for_messages() const {
  return state_.segments.count(SegmentStage::empty) + makeable() > reserve();
}

std::uint64_t SegmentSupply::shortage() const {
  const auto wanted = std::uint64_t{reserve()} + settings_.spare_segments;
  const auto stock = state_.segments.count(SegmentStage::empty);
  return stock >= wanted ? 0 : std::min(wanted - stock, makeable());
}

Result<SegmentHeader> SegmentSupply::begin(SegmentNeed need, std::uint64_t octets, std::uint64_t life) {
  for (bool may_make = true;; may_make = false) {
    {
      const std::lock_guard lock{state_.mutex};
      auto* segment = take_dead(octets);
      if (segment == nullptr) segment = take_from_stock(need, octets);
      if (segment != nullptr && !has_room_for_voids()) {
        return failure(Error::Kind::io, "too many segments of the spool have failed");
      }
      if (segment != nullptr) return renew(*segment, life);
    }
    if (!may_make) return failure(Error::Kind::no_space, "only the reserve of the spool is left");
    if (auto made = make(); !made) return failure(std::move(made).error());
  }
}

Segment* SegmentSupply::take_from_stock(SegmentNeed need, std::uint64_t octets) {
  const auto stock = state_.segments.count(SegmentStage::empty);
  if (stock <= floor_for(need, reserve(), makeable())) return nullptr;
  for (auto& [number, segment] : state_.segments.all()) {
    if (segment.stage == SegmentStage::empty && !segment.is_busy && fits(segment, octets)) return &segment;
  }
  return nullptr;
}

/// The oldest dead one. Those that failed are never written again, and the newest keeps its header until a later one is
/// durable: it names the void ranges.
Segment* SegmentSupply::take_dead(std::uint64_t octets) {
  Segment* oldest = nullptr;
  for (auto& [number, segment] : state_.segments.all()) {
    const bool is_free = state_.segments.is_dead(segment) || planted(PlantedFault::spool_live_segment_reused);
    if (segment.stage != SegmentStage::sealed || !fits(segment, octets) || !is_free) continue;
    if (oldest == nullptr || segment.header.generation < oldest->header.generation) oldest = &segment;
  }
  return oldest;
}

SegmentHeader SegmentSupply::empty_header(std::uint32_t number) const {
  SegmentHeader header;
  header.spool = id_;
  header.number = number;
  header.octets = settings_.segment_octets;
  header.block = settings_.block_octets;
  return header;
}

bool SegmentSupply::has_room_for_voids() {
  std::erase_if(state_.voids, [this](const VoidRange& range) { return !state_.segments.is_on_disk(range.generation); });
  return state_.voids.size() <= max_void_ranges;
}

SegmentHeader SegmentSupply::renew(Segment& segment, std::uint64_t life) {
  auto header = segment.header;
  header.generation = ++state_.last_generation;
  header.life = life;
  header.start = state_.start;
  header.voids = state_.voids;
  state_.segments.renewing(segment, header);
  return header;
}

Result<> SegmentSupply::make() {
  std::uint32_t number = 0;
  {
    const std::lock_guard lock{state_.mutex};
    if (makeable() == 0) return failure(Error::Kind::no_space, "the file system of the spool is full");
    number = state_.segments.free_number();
  }
  const auto header = empty_header(number);
  auto made = folder_.make(header);
  look_at_space();
  const std::lock_guard lock{state_.mutex};
  if (made) state_.segments.add(header, SegmentStage::empty);
  if (!made && made.error().kind == Error::Kind::no_space) state_.space.octets = 0;
  return made;
}

Result<> SegmentSupply::retire(std::uint32_t number) {
  SegmentHeader header;
  bool keep = false;
  {
    const std::lock_guard lock{state_.mutex};
    const auto* segment = state_.segments.find(number);
    const auto stock = state_.segments.count(SegmentStage::empty);
    keep = segment->stage == SegmentStage::sealed && stock < std::uint64_t{reserve()} + settings_.keep_segments;
    header = segment->header;
  }
  if (!keep) return remove(number);
  header.generation = header.life = header.start = 0;
  header.voids.clear();
  const auto written = folder_.write_header(header);
  const std::lock_guard lock{state_.mutex};
  auto& segment = *state_.segments.find(number);
  if (written) {
    state_.segments.emptied(segment, header);
  } else {
    segment.stage = SegmentStage::failed;
    segment.is_busy = false;
    folder_.forget(number);
  }
  return written;
}

Result<> SegmentSupply::remove(std::uint32_t number) {
  const auto removed = folder_.remove(number);
  const std::lock_guard lock{state_.mutex};
  if (removed) {
    state_.segments.erase(number);
  } else {
    state_.segments.find(number)->is_busy = false;
  }
  return removed;
}

void SegmentSupply::look_at_space() {
  const auto space = folder_.folder().free_space();
  const std::lock_guard lock{state_.mutex};
  if (space) state_.space = *space;
}

}  // namespace posthorn::store
