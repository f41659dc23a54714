#include "store/spool_recovery.hpp"

#include "base/planted_fault.hpp"
#include "store/spool_identity.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::store {
namespace {

bool is_part_of_spool(std::string_view name) {
  return name.starts_with(identity_name) || name == bodies_folder_name || name == corrupt_folder_name;
}

}  // namespace

// ---- headers ----

void SpoolRecovery::register_segments(const FoundFiles& found, const SpoolId& id) {
  const std::lock_guard lock{state_.mutex};
  for (const auto& name : found.foreign) {
    if (!is_part_of_spool(name)) note_foreign(name);
  }
  // Those whose name is their own come first, so that a copy under another name does not take their place.
  auto segments = found.segments;
  std::ranges::sort(segments, {}, [](const FoundSegment& segment) {
    return std::pair{!segment.header || segment.header->number != segment.number, segment.number};
  });
  for (const auto& segment : segments) {
    state_.segments.avoid_number(segment.number);
    if (is_ours(segment, id)) register_segment(segment);
  }
  state_.newest_durable_generation = state_.last_generation;
  for (const auto& range : state_.voids) state_.last_generation = std::max(state_.last_generation, range.generation);
}

bool SpoolRecovery::is_ours(const FoundSegment& found, const SpoolId& id) {
  const auto name = SegmentFolder::name_of(found.number);
  if (!found.header) {
    note({name, 0, found.file_octets, found.header.error().text});
    return false;
  }
  if (found.header->spool != id) {
    note_foreign(name);
    return false;
  }
  if (!found.header->is_empty() && !generations_.insert(found.header->generation).second) {
    note({name, 0, found.file_octets, "a copy of another segment"});
    return false;
  }
  return true;
}

void SpoolRecovery::register_segment(const FoundSegment& found) {
  auto header = *found.header;
  const auto name = SegmentFolder::name_of(found.number);
  if (header.number != found.number) {
    note({name, 0, 0, fmt::format("the file was named {}", SegmentFolder::name_of(header.number))});
    header.number = found.number;
  }
  if (found.file_octets < header.octets) {
    note({name, found.file_octets, header.octets - found.file_octets, "the end of the file is missing"});
    if (header.is_empty()) return;
  }
  // The newest header names the void ranges that hold.
  if (header.generation > state_.last_generation) state_.voids = header.voids;
  state_.last_generation = std::max(state_.last_generation, header.generation);
  state_.start = std::max(state_.start, header.start);
  state_.segments.add(header, header.is_empty() ? SegmentStage::empty : SegmentStage::unread);
}

// ---- records ----

bool SpoolRecovery::read_next() {
  const auto segment = next_segment();
  if (segment) read(*segment);
  return segment.has_value();
}

std::optional<SegmentHeader> SpoolRecovery::next_segment() {
  const std::lock_guard lock{state_.mutex};
  std::optional<SegmentHeader> next;
  for (const auto& [number, segment] : state_.segments.all()) {
    if (segment.stage != SegmentStage::unread) continue;
    if (!next || segment.header.generation < next->generation) next = segment.header;
  }
  return next;
}

void SpoolRecovery::read(const SegmentHeader& segment) {
  const auto name = SegmentFolder::name_of(segment.number);
  const auto options = scan_options(segment);
  auto stage = SegmentStage::failed;
  auto file = folder_.open(segment.number);
  must_wait_ = !file && file.error().kind == Error::Kind::too_many_files && options_.quarantine != nullptr;
  if (must_wait_) return;
  if (file) {
    const auto scan = scan_segment(**file, segment, options);
    const bool skips = planted(PlantedFault::recovery_skips_a_segment) && report_.segments == 1;
    for (const auto& record : scan.records) {
      if (!skips) apply(record, segment);
    }
    note_gaps(scan, segment, **file);
    report_.dropped_octets += scan.dropped_octets;
    // One with a void range had failed: it is not written again either (I22).
    if (!scan.is_damaged() && options.end == segment.octets) stage = SegmentStage::sealed;
  } else {
    note({name, 0, segment.octets, file.error().text});
  }
  ++report_.segments;
  const std::lock_guard lock{state_.mutex};
  auto& known = *state_.segments.find(segment.number);
  known.stage = known.has_failed ? SegmentStage::failed : stage;
  known.ends_clean = options.last_batch_is_durable;
}

ScanOptions SpoolRecovery::scan_options(const SegmentHeader& segment) {
  const std::lock_guard lock{state_.mutex};
  ScanOptions options{.end = state_.end_of(segment), .check_all_contents = options_.check_all};
  options.last_batch_is_durable = options.end != segment.octets;
  // A start begins a segment only when all it wrote to the one before is durable.
  for (const auto& [number, other] : state_.segments.all()) {
    if (other.header.start == segment.start && other.header.generation > segment.generation) {
      options.last_batch_is_durable = true;
    }
  }
  return options;
}

void SpoolRecovery::apply(const ScannedRecord& record, const SegmentHeader& segment) {
  ++report_.records;
  if (!record.facts_are_good) return note_bad_record(record, segment);
  const RecordPlace place{segment.number, record.header.offset};
  if (record.header.type == RecordType::pause) return;
  if (record.header.type == RecordType::message) return apply_message(record, place);
  const auto outcomes = read_outcomes(record.facts);
  if (!outcomes) return note_bad_record(record, segment);
  apply_outcomes(record.header.id, place, *outcomes);
}

void SpoolRecovery::apply_message(const ScannedRecord& record, RecordPlace place) {
  const auto message = read_message_brief(record.facts);
  const auto name = SegmentFolder::name_of(place.segment);
  if (!message) {
    note({name, place.offset, record.header.octets(), message.error().text});
    return;
  }
  const auto id = record.header.id;
  if (!record.content_is_good) {
    note({name, place.offset, record.header.octets(), "the text of message " + id.to_string() + " fails its checksum"});
  }
  damaged_.erase(id);
  {
    const std::lock_guard lock{state_.mutex};
    state_.index.put(id, place, static_cast<std::uint32_t>(record.header.octets()), message->message);
  }
  if (message->settles) apply_outcomes(message->settles->message, place, message->settles->outcomes);
}

void SpoolRecovery::apply_outcomes(MessageId id, RecordPlace place, const OutcomeFacts& outcomes) {
  if (planted(PlantedFault::recovery_ignores_outcomes)) return;
  if (outcomes.finishes) damaged_.erase(id);
  const std::lock_guard lock{state_.mutex};
  (void)state_.index.apply(id, place, outcomes);
}

// ---- damage ----

void SpoolRecovery::note_bad_record(const ScannedRecord& record, const SegmentHeader& segment) {
  const auto& header = record.header;
  if (header.type == RecordType::message) {
    // Named at the end, unless it turns out that the message is gone or stands elsewhere too.
    damaged_[header.id] = {segment.number, segment.generation, header.offset, header.octets()};
    if (options_.check_all) note_bad_envelope(header.id, damaged_[header.id]);
    return;
  }
  note({SegmentFolder::name_of(segment.number), header.offset, header.octets(),
        "an outcome of message " + header.id.to_string() + " fails its checksum"});
}

void SpoolRecovery::note_bad_envelope(MessageId id, const DamagedRecord& record) {
  note({SegmentFolder::name_of(record.segment), record.offset, record.octets,
        "the envelope of message " + id.to_string() + " fails its checksum"});
}

void SpoolRecovery::note_gaps(const SegmentScan& scan, const SegmentHeader& segment, world::File& file) {
  const auto name = SegmentFolder::name_of(segment.number);
  if (scan.unread.octets > 0) {
    note({name, scan.unread.offset, scan.unread.octets,
          "the disk does not give this: what stands there waits for a start that can read it"});
  }
  for (const auto& gap : scan.gaps) {
    note({name, gap.offset, gap.octets, "no record can be read here"});
    if (options_.quarantine != nullptr) {
      options_.quarantine->keep_gap(segment.generation, {file, name, gap.offset, gap.octets});
    }
  }
}

std::vector<SpoolRecovery::Lost> SpoolRecovery::finish() {
  std::vector<Lost> lost;
  for (const auto& [id, record] : damaged_) {
    if (!options_.check_all) note_bad_envelope(id, record);
    bool is_elsewhere = false;
    {
      const std::lock_guard lock{state_.mutex};
      is_elsewhere = state_.index.find(id) != nullptr;
    }
    if (is_elsewhere) continue;
    keep_lost(id, record);
    lost.push_back({id, {record.generation}});
  }
  const std::lock_guard lock{state_.mutex};
  for (const auto& [id, message] : state_.index.all()) {
    if (start_of(id) == state_.start) continue;
    ++report_.messages;
    report_.recipients += message.count;
  }
  return lost;
}

void SpoolRecovery::keep_lost(MessageId id, const DamagedRecord& record) {
  const auto file = folder_.open(record.segment);
  if (options_.quarantine == nullptr || !file) return;
  options_.quarantine->keep_record(id, {**file, SegmentFolder::name_of(record.segment), record.offset, record.octets},
                                   "the envelope of the message fails its checksum");
}

// ---- bodies ----

void SpoolRecovery::check_bodies(BodyFiles& bodies) {
  const auto entries = bodies.list();
  if (!entries) return note({"bodies", 0, 0, entries.error().text});
  std::set<MessageId> present;
  for (const auto& entry : *entries) check_body(entry, bodies, present);
  const std::lock_guard lock{state_.mutex};
  for (const auto& [id, message] : state_.index.all()) {
    if (!message.has_body_file || start_of(id) == state_.start || present.contains(id)) continue;
    note({"bodies/" + id.to_string(), 0, message.octets, "the body of a message is missing"});
  }
}

void SpoolRecovery::check_body(const world::Entry& entry, BodyFiles& bodies, std::set<MessageId>& present) {
  const auto id = MessageId::parse(entry.name);
  if (!id || id->to_string() != entry.name || entry.type != world::EntryType::file)
    return note_foreign("bodies/" + entry.name);
  bool is_wanted = false;
  // What cannot be read now may be readable at the next start: its body waits for it.
  {
    const std::lock_guard lock{state_.mutex};
    const auto* message = std::as_const(state_.index).find(*id);
    is_wanted = start_of(*id) >= state_.start || (message != nullptr && message->has_body_file);
  }
  if (is_wanted) {
    present.insert(*id);
  } else if (options_.quarantine != nullptr && report_.damages.empty() && bodies.remove(*id)) {
    ++report_.bodies_removed;
  }
}

void SpoolRecovery::note(SpoolDamage damage) {
  if (report_.damages.size() < most_damages) report_.damages.push_back(std::move(damage));
}

void SpoolRecovery::note_foreign(std::string name) {
  if (report_.foreign_names.size() < most_foreign_names) report_.foreign_names.push_back(std::move(name));
}

}  // namespace posthorn::store
