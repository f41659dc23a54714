// The octets of a segment: its header, and the header of each record in it (docs/spool_format.md). Pure: no disk.
// A record belongs to a life of its segment: the generation orders lives, and the life key, 64 random bits that never
// leave the spool, keeps both the octets of an earlier life and octets that a message's author chose from being taken for
// a record.
#pragma once

#include "base/message_id.hpp"
#include "base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

inline constexpr std::uint32_t spool_version = 1;
inline constexpr std::size_t segment_header_octets = 512;  // one sector: written whole or not at all
inline constexpr std::size_t record_header_octets = 64;
inline constexpr std::size_t record_alignment = 8;
inline constexpr std::size_t max_void_ranges = 24;
inline constexpr std::uint32_t smallest_block = 512;
inline constexpr std::uint32_t largest_block = 64U << 10;
inline constexpr std::uint32_t largest_segment = 1U << 30;

using SpoolId = std::array<std::uint8_t, 16>;
[[nodiscard]] std::string to_text(const SpoolId& id);

/// What a failed write or sync may have left in a segment: nothing from this offset on counts.
struct VoidRange {
  std::uint64_t generation = 0;
  std::uint32_t from = 0;

  bool operator==(const VoidRange&) const = default;
};

struct SegmentHeader {
  SpoolId spool{};
  std::uint32_t number = 0;      ///< as in its file name
  std::uint32_t octets = 0;      ///< of the file
  std::uint32_t block = 0;       ///< batches start on its multiples
  std::uint64_t generation = 0;  ///< 0: empty, ready for use
  std::uint64_t life = 0;        ///< the life key
  std::uint64_t start = 0;       ///< which start of the spool began this life
  std::vector<VoidRange> voids;  ///< all that hold when this life begins

  [[nodiscard]] bool is_empty() const { return generation == 0; }
  /// Where the records begin, behind two copies of the header in a block each.
  [[nodiscard]] std::uint32_t first_record() const { return 2 * block; }
  bool operator==(const SegmentHeader&) const = default;
};

/// One sector.
[[nodiscard]] std::string encode_segment_header(const SegmentHeader& header);
/// Errors: `corrupt`; `unsupported` (another version).
[[nodiscard]] Result<SegmentHeader> decode_segment_header(std::string_view sector);

enum class RecordType : std::uint8_t {
  message = 1,   ///< facts: MessageFacts; content: the text, or its head
  outcomes = 2,  ///< facts: OutcomeFacts
  pause = 3,  ///< no facts: every batch before it is durable, so that what is missing of one is damage, not a torn end
};
inline constexpr RecordType last_record_type = RecordType::pause;

struct RecordHeader {
  RecordType type = RecordType::message;
  std::uint32_t offset = 0;  ///< where it stands itself
  std::uint64_t generation = 0;
  std::uint64_t life = 0;
  MessageId id;
  std::uint32_t batch = 0;         ///< where its batch starts
  std::uint32_t batch_octets = 0;  ///< of all records of its batch
  std::uint32_t facts_octets = 0;
  std::uint32_t content_octets = 0;
  std::uint32_t facts_checksum = 0;
  std::uint32_t content_checksum = 0;

  /// Facts start behind the header; content ends the record.
  [[nodiscard]] std::uint64_t octets() const;
  [[nodiscard]] std::uint64_t content_offset() const { return octets() - content_octets; }
  bool operator==(const RecordHeader&) const = default;
};

[[nodiscard]] constexpr std::uint64_t align_up(std::uint64_t octets, std::uint64_t alignment) {
  return (octets + alignment - 1) / alignment * alignment;
}

/// The size of a record with so much in it.
[[nodiscard]] constexpr std::uint64_t record_octets(std::uint64_t facts, std::uint64_t content) {
  return align_up(record_header_octets + facts + content, record_alignment);
}

[[nodiscard]] std::string encode_record_header(const RecordHeader& header);
/// The same over the first octets of `record`, which keeps room for it.
void write_record_header(const RecordHeader& header, std::string& record);
/// None: these octets are no record header, or a damaged one.
[[nodiscard]] std::optional<RecordHeader> decode_record_header(std::string_view octets);
/// Whether octets that start so may be a record header: the cheap test before the full one.
[[nodiscard]] bool starts_like_record(std::string_view octets);
/// Whether a record found at `offset` is one of this life, and lies within the segment.
[[nodiscard]] bool belongs(const RecordHeader& record, const SegmentHeader& segment, std::uint64_t offset);

}  // namespace posthorn::store
