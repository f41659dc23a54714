#include "store/segment_scanner.hpp"

#include "base/crc32c.hpp"
#include "base/planted_fault.hpp"
#include "store/segment_window.hpp"

#include <algorithm>
#include <optional>

namespace posthorn::store {
namespace {

constexpr std::size_t check_piece = 64U << 10;

class Scanner {
 public:
  Scanner(world::File& file, const SegmentHeader& segment, const ScanOptions& options)
      : file_(file),
        segment_(segment),
        options_(options),
        window_(file, std::min<std::uint64_t>(options.end, segment.octets)) {}

  SegmentScan run() {
    for (auto record = next_from(segment_.first_record()); record; record = next_from(place_after(*record))) {
      take(*record);
    }
    if (!scan_.records.empty()) {
      check_contents();
      find_gaps();
      if (!options_.last_batch_is_durable) drop_torn_records();
      const bool drops = planted(PlantedFault::recovery_drops_last_batch) && !scan_.records.empty();
      if (drops && !options_.last_batch_is_durable) scan_.records.pop_back();
    }
    note_errors(window_);
    return std::move(scan_);
  }

 private:
  std::optional<RecordHeader> record_at(std::uint64_t offset) {
    const auto octets = window_.at(offset, record_header_octets);
    if (!starts_like_record(octets)) return std::nullopt;
    const auto record = decode_record_header(octets);
    if (!record || !belongs(*record, segment_, offset)) return std::nullopt;
    return record;
  }

  /// Damage and unused octets are searched for the next record; where one is expected, the first look finds it.
  std::optional<RecordHeader> next_from(std::uint64_t offset) {
    for (; offset + record_header_octets <= window_.end(); offset += record_alignment) {
      if (auto record = record_at(offset)) return record;
    }
    return std::nullopt;
  }

  std::uint64_t place_after(const RecordHeader& record) const {
    const auto end = record.offset + record.octets();
    const bool ends_batch = end >= std::uint64_t{record.batch} + record.batch_octets;
    return ends_batch ? align_up(end, segment_.block) : end;
  }

  void take(const RecordHeader& record) {
    const auto facts = window_.at(record.offset + record_header_octets, record.facts_octets);
    const bool good = facts.size() == record.facts_octets && crc32c(facts) == record.facts_checksum;
    scan_.records.push_back({record, good ? std::string(facts) : std::string{}, good, true});
  }

  [[nodiscard]] std::uint32_t last_batch() const { return scan_.records.back().header.batch; }

  void check_contents() {
    for (auto& record : scan_.records) {
      const bool may_be_torn = !options_.last_batch_is_durable && record.header.batch == last_batch();
      if (may_be_torn || options_.check_all_contents) record.content_is_good = is_content_good(record.header);
    }
  }

  /// Also where it cannot be read: it is not torn then, for all that is known, and whoever reads it later checks it again.
  bool is_content_good(const RecordHeader& record) {
    SegmentWindow window{file_, record.offset + record.octets()};
    std::uint32_t checksum = 0;
    for (auto at = record.offset + record.content_offset(); at < window.end(); at += check_piece) {
      checksum = crc32c(window.at(at, check_piece), checksum);
    }
    note_errors(window);
    return checksum == record.content_checksum || window.unread().end > 0;
  }

  void note_errors(const SegmentWindow& window) {
    scan_.had_read_errors = scan_.had_read_errors || window.had_errors();
    const auto& [begin, end] = window.unread();
    if (end == 0) return;
    auto& unread = scan_.unread;
    const auto first = unread.octets == 0 ? begin : std::min(unread.offset, begin);
    unread = {first, std::max(unread.offset + unread.octets, end) - first};
  }

  /// Batches stand one behind another, each on the next border of a block; records fill their batch.
  void find_gaps() {
    std::uint64_t expected_batch = segment_.first_record();
    for (auto at = scan_.records.cbegin(); at != scan_.records.cend();) {
      const auto& batch = at->header;
      if (batch.batch > expected_batch) scan_.gaps.push_back({expected_batch, batch.batch - expected_batch});
      const auto batch_end = std::uint64_t{batch.batch} + batch.batch_octets;
      at = find_gaps_in_batch(at, batch_end);
      expected_batch = align_up(batch_end, segment_.block);
    }
  }

  using Place = std::vector<ScannedRecord>::const_iterator;

  Place find_gaps_in_batch(Place at, std::uint64_t batch_end) {
    const auto batch = at->header.batch;
    std::uint64_t expected = batch;
    for (; at != scan_.records.cend() && at->header.batch == batch; ++at) {
      add_gap(batch, expected, at->header.offset);
      expected = at->header.offset + at->header.octets();
    }
    add_gap(batch, expected, batch_end);
    return at;
  }

  void add_gap(std::uint32_t batch, std::uint64_t from, std::uint64_t to) {
    if (from >= to) return;
    if (batch == last_batch() && !options_.last_batch_is_durable) {
      scan_.dropped_octets += to - from;
    } else {
      scan_.gaps.push_back({from, to - from});
    }
  }

  void drop_torn_records() {
    const auto batch = last_batch();
    const auto torn = [batch](const ScannedRecord& record) {
      return record.header.batch == batch && !(record.facts_are_good && record.content_is_good);
    };
    for (const auto& record : scan_.records) {
      if (torn(record)) scan_.dropped_octets += record.header.octets();
    }
    std::erase_if(scan_.records, torn);
  }

  world::File& file_;
  const SegmentHeader& segment_;
  ScanOptions options_;
  SegmentWindow window_;
  SegmentScan scan_;
};

}  // namespace

bool SegmentScan::is_damaged() const {
  return had_read_errors || !gaps.empty() || std::ranges::any_of(records, [](const ScannedRecord& record) {
           return !record.facts_are_good || !record.content_is_good;
         });
}

SegmentScan scan_segment(world::File& file, const SegmentHeader& segment, const ScanOptions& options) {
  return Scanner(file, segment, options).run();
}

}  // namespace posthorn::store
