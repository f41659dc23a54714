// Reads what one life of a segment holds: every record that is whole, in order, also behind damage (F9, F10), and tells
// damage to acknowledged records from a last batch that the power cut short.
// It reads facts and, where that matters, the checksum of contents; contents are skipped otherwise. Blocks; for workers.
#pragma once

#include "store/segment_format.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::store {

struct ScannedRecord {
  RecordHeader header;
  std::string facts;
  bool facts_are_good = false;
  bool content_is_good = true;  ///< as far as it was checked and could be read
};

/// Octets of an acknowledged batch that hold no valid record header.
struct SegmentGap {
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;

  bool operator==(const SegmentGap&) const = default;
};

struct SegmentScan {
  std::vector<ScannedRecord> records;
  std::vector<SegmentGap> gaps;
  std::uint64_t dropped_octets = 0;  ///< of the last batch: torn, never acknowledged
  bool had_read_errors = false;
  SegmentGap unread;  ///< from the first octet that could not be read to the last: acknowledged mail may stand there

  [[nodiscard]] bool is_damaged() const;
};

struct ScanOptions {
  std::uint64_t end = 0;  ///< nothing from here on counts: the file's size, or where a void range begins
  /// The last batch was acknowledged: what is missing of it is damage. (A later life was begun by the same start, or the
  /// rest is void.) Otherwise a damaged record of it is dropped.
  bool last_batch_is_durable = false;
  bool check_all_contents = false;  ///< otherwise only those of a last batch that may be torn
};

[[nodiscard]] SegmentScan scan_segment(world::File& file, const SegmentHeader& segment, const ScanOptions& options);

}  // namespace posthorn::store
