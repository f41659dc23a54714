#include "store/segment_format.hpp"

#include "base/assert.hpp"
#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "base/crc32c.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

namespace posthorn::store {
namespace {

constexpr std::string_view segment_magic = "PosthSeg";
constexpr std::uint32_t record_magic = 0x43525350;  // "PSRC"
constexpr std::string_view record_magic_octets = "PSRC";

bool is_sound(const SegmentHeader& header) {
  return std::has_single_bit(header.block) && header.block >= smallest_block && header.block <= largest_block &&
         header.octets % header.block == 0 && header.octets >= 4 * header.block && header.octets <= largest_segment;
}

void put_fields(ByteWriter& out, const SegmentHeader& header) {
  for (const auto octet : header.spool) out.put(octet);
  out.put(header.number);
  out.put(header.octets);
  out.put(header.block);
  out.put(header.generation);
  out.put(header.life);
  out.put(header.start);
  out.put(static_cast<std::uint32_t>(header.voids.size()));
  for (const auto& range : header.voids) {
    out.put(range.generation);
    out.put(range.from);
  }
}

SegmentHeader take_fields(ByteReader& in) {
  SegmentHeader header;
  for (auto& octet : header.spool) octet = in.take<std::uint8_t>();
  header.number = in.take<std::uint32_t>();
  header.octets = in.take<std::uint32_t>();
  header.block = in.take<std::uint32_t>();
  header.generation = in.take<std::uint64_t>();
  header.life = in.take<std::uint64_t>();
  header.start = in.take<std::uint64_t>();
  const auto count = in.take_count(sizeof(std::uint64_t) + sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto generation = in.take<std::uint64_t>();
    header.voids.push_back({generation, in.take<std::uint32_t>()});
  }
  return header;
}

}  // namespace

std::string to_text(const SpoolId& id) {
  std::string text;
  for (const auto octet : id) text += fmt::format("{:02x}", octet);
  return text;
}

// Magic, version, checksum of all that follows up to the end of the sector, fields, zeros.
std::string encode_segment_header(const SegmentHeader& header) {
  ensure(is_sound(header) && header.voids.size() <= max_void_ranges, "a segment header that can be read back");
  ByteWriter out;
  out.put_raw(segment_magic);
  out.put(spool_version);
  const auto checksum_at = out.size();
  out.put(std::uint32_t{0});
  const auto fields_at = out.size();
  put_fields(out, header);
  out.put_zeros(segment_header_octets - out.size());
  out.overwrite(checksum_at, crc32c(out.view().substr(fields_at)));
  return out.take();
}

Result<SegmentHeader> decode_segment_header(std::string_view sector) {
  ByteReader in{sector.substr(0, segment_header_octets)};
  if (in.take_raw(segment_magic.size()) != segment_magic) return failure(Error::Kind::corrupt, "not a segment");
  const auto version = in.take<std::uint32_t>();
  const auto checksum = in.take<std::uint32_t>();
  const auto fields_at = segment_magic.size() + sizeof version + sizeof checksum;
  if (sector.size() < segment_header_octets ||
      crc32c(sector.substr(fields_at, segment_header_octets - fields_at)) != checksum) {
    return failure(Error::Kind::corrupt, "the header of the segment fails its checksum");
  }
  if (version != spool_version) {
    return failure(Error::Kind::unsupported, fmt::format("the segment has version {}, not {}", version, spool_version));
  }
  auto header = take_fields(in);
  if (in.failed() || !is_sound(header))
    return failure(Error::Kind::corrupt, "the header of the segment makes no sense");
  return header;
}

std::uint64_t RecordHeader::octets() const { return record_octets(facts_octets, content_octets); }

// Magic, checksum of all that follows, fields.
std::string encode_record_header(const RecordHeader& header) {
  ByteWriter out;
  out.put(record_magic);
  out.put(std::uint32_t{0});
  out.put(static_cast<std::uint8_t>(header.type));
  out.put_zeros(3);
  out.put(header.offset);
  out.put(header.generation);
  out.put(header.life);
  out.put(header.id.value());
  out.put(header.batch);
  out.put(header.batch_octets);
  out.put(header.facts_octets);
  out.put(header.content_octets);
  out.put(header.facts_checksum);
  out.put(header.content_checksum);
  out.overwrite(4, crc32c(out.view().substr(8)));
  ensure(out.size() == record_header_octets, "a record header has its size");
  return out.take();
}

void write_record_header(const RecordHeader& header, std::string& record) {
  record.replace(0, record_header_octets, encode_record_header(header));
}

bool starts_like_record(std::string_view octets) { return octets.starts_with(record_magic_octets); }

std::optional<RecordHeader> decode_record_header(std::string_view octets) {
  if (octets.size() < record_header_octets) return std::nullopt;
  ByteReader in{octets.substr(0, record_header_octets)};
  if (in.take<std::uint32_t>() != record_magic) return std::nullopt;
  if (in.take<std::uint32_t>() != crc32c(octets.substr(8, record_header_octets - 8))) return std::nullopt;
  RecordHeader header;
  const auto type = in.take<std::uint8_t>();
  if (type < 1 || type > static_cast<std::uint8_t>(last_record_type)) return std::nullopt;
  header.type = static_cast<RecordType>(type);
  (void)in.take_raw(3);
  header.offset = in.take<std::uint32_t>();
  header.generation = in.take<std::uint64_t>();
  header.life = in.take<std::uint64_t>();
  header.id = MessageId{in.take<std::uint64_t>()};
  header.batch = in.take<std::uint32_t>();
  header.batch_octets = in.take<std::uint32_t>();
  header.facts_octets = in.take<std::uint32_t>();
  header.content_octets = in.take<std::uint32_t>();
  header.facts_checksum = in.take<std::uint32_t>();
  header.content_checksum = in.take<std::uint32_t>();
  return header;
}

bool belongs(const RecordHeader& record, const SegmentHeader& segment, std::uint64_t offset) {
  return record.generation == segment.generation && record.life == segment.life && record.offset == offset &&
         record.batch >= segment.first_record() && record.batch % segment.block == 0 && record.batch <= offset &&
         std::uint64_t{record.batch} + record.batch_octets <= segment.octets &&
         offset + record.octets() <= std::uint64_t{record.batch} + record.batch_octets;
}

}  // namespace posthorn::store
