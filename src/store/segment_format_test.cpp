#include "store/segment_format.hpp"

#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

SegmentHeader segment() {
  SegmentHeader header;
  header.spool.fill(7);
  header.number = 3;
  header.octets = 8192;
  header.block = 512;
  header.generation = 12;
  header.life = 0x1122334455667788;
  header.start = 2;
  header.voids = {{9, 2048}, {10, 0}};
  return header;
}

RecordHeader record() {
  return {.type = RecordType::outcomes,
          .offset = 1608,
          .generation = 12,
          .life = 0x1122334455667788,
          .id = MessageId{99},
          .batch = 1536,
          .batch_octets = 400,
          .facts_octets = 17,
          .content_octets = 101,
          .facts_checksum = 5,
          .content_checksum = 6};
}

TEST(SegmentHeader, IsReadBack) {
  const auto sector = encode_segment_header(segment());
  EXPECT_EQ(sector.size(), segment_header_octets);
  const auto read = decode_segment_header(sector);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(*read, segment());
}

TEST(SegmentHeader, ATurnedBitAnywhereIsSeen) {
  auto sector = encode_segment_header(segment());
  for (std::size_t at = 0; at < sector.size(); ++at) {
    sector[at] = static_cast<char>(sector[at] ^ 4);
    EXPECT_FALSE(decode_segment_header(sector)) << at;
    sector[at] = static_cast<char>(sector[at] ^ 4);
  }
}

TEST(SegmentHeader, AnotherVersionIsUnsupportedNotCorrupt) {
  auto sector = encode_segment_header(segment());
  sector[8] = 2;
  EXPECT_EQ(decode_segment_header(sector).error().kind, Error::Kind::unsupported);
}

TEST(SegmentHeader, AShortSectorIsCorrupt) {
  const auto sector = encode_segment_header(segment());
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{100}, sector.size() - 1}) {
    EXPECT_EQ(decode_segment_header(sector.substr(0, size)).error().kind, Error::Kind::corrupt) << size;
  }
}

TEST(SegmentHeader, ItHasRoomForAllVoidRanges) {
  auto header = segment();
  header.voids.assign(max_void_ranges, VoidRange{1, 2});
  EXPECT_EQ(decode_segment_header(encode_segment_header(header)), header);
}

TEST(RecordHeader, IsReadBack) {
  const auto octets = encode_record_header(record());
  EXPECT_TRUE(starts_like_record(octets));
  EXPECT_EQ(decode_record_header(octets), record());
  EXPECT_EQ(record().octets(), 184U) << "64 + 17 + 101, on a border of 8";
  EXPECT_EQ(record().content_offset(), 83U);
}

TEST(RecordHeader, ATurnedBitAnywhereIsSeen) {
  auto octets = encode_record_header(record());
  for (std::size_t at = 0; at < octets.size(); ++at) {
    octets[at] = static_cast<char>(octets[at] ^ 1);
    EXPECT_FALSE(decode_record_header(octets)) << at;
    octets[at] = static_cast<char>(octets[at] ^ 1);
  }
}

TEST(RecordHeader, BelongsToOneLifeAndOnePlace) {
  struct Row {
    const char* name;
    void (*change)(RecordHeader&);
  };
  EXPECT_TRUE(belongs(record(), segment(), 1608));
  for (const auto& [name, change] : {
           Row{"an earlier generation", [](RecordHeader& r) { r.generation = 11; }},
           Row{"another life key", [](RecordHeader& r) { r.life ^= 1; }},
           Row{"another place", [](RecordHeader& r) { r.offset += 8; }},
           Row{"a batch behind it", [](RecordHeader& r) { r.batch = 2048; }},
           Row{"a batch between two blocks", [](RecordHeader& r) { r.batch = 1544; }},
           Row{"a batch in the header", [](RecordHeader& r) { r.batch = 512; }},
           Row{"a batch past the end", [](RecordHeader& r) { r.batch_octets = 8192; }},
           Row{"facts past the end of the batch", [](RecordHeader& r) { r.facts_octets = 4000; }},
           Row{"sizes that add up past 32 bits", [](RecordHeader& r) { r.content_octets = r.facts_octets = ~0U; }},
       }) {
    auto other = record();
    change(other);
    EXPECT_FALSE(belongs(other, segment(), 1608)) << name;
  }
}

}  // namespace
}  // namespace posthorn::store
