#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace posthorn {
namespace {

enum class Colour : std::uint8_t { red, green, blue };

std::string sample() {
  ByteWriter writer;
  writer.put(std::uint8_t{7});
  writer.put(std::uint16_t{0x1234});
  writer.put(std::uint32_t{0xdeadbeef});
  writer.put(std::uint64_t{1} << 63);
  writer.put(std::int64_t{-5});
  writer.put_flag(true);
  writer.put_text("hello");
  writer.put_raw("xyz");
  writer.put(static_cast<std::uint8_t>(Colour::blue));
  return writer.take();
}

void expect_sample(ByteReader& reader) {
  EXPECT_EQ(reader.take<std::uint8_t>(), 7);
  EXPECT_EQ(reader.take<std::uint16_t>(), 0x1234);
  EXPECT_EQ(reader.take<std::uint32_t>(), 0xdeadbeef);
  EXPECT_EQ(reader.take<std::uint64_t>(), std::uint64_t{1} << 63);
  EXPECT_EQ(reader.take_signed(), -5);
  EXPECT_TRUE(reader.take_flag());
  EXPECT_EQ(reader.take_text(5), "hello");
  EXPECT_EQ(reader.take_raw(3), "xyz");
  EXPECT_EQ(reader.take_enum(Colour::blue), Colour::blue);
}

TEST(ByteReader, ReadsWhatTheWriterPut) {
  const auto bytes = sample();
  ByteReader reader{bytes};
  expect_sample(reader);
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.failed());
}

TEST(ByteReader, NumbersAreLittleEndian) {
  ByteWriter writer;
  writer.put(std::uint32_t{0x04030201});
  EXPECT_EQ(writer.view(), "\x01\x02\x03\x04");
}

TEST(ByteReader, EveryShorterTextFails) {
  const auto bytes = sample();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader{std::string_view(bytes).substr(0, size)};
    (void)reader.take_raw(15 + 8 + 1);
    (void)reader.take_text(5);
    (void)reader.take_raw(3);
    (void)reader.take<std::uint8_t>();
    EXPECT_TRUE(reader.failed()) << size;
    EXPECT_EQ(reader.take<std::uint64_t>(), 0U) << size;
    EXPECT_EQ(reader.take_text(9), "") << size;
  }
}

TEST(ByteReader, WhatDoesNotFitFails) {
  struct Row {
    const char* name;
    std::string bytes;
    void (*read)(ByteReader&);
  };
  for (const auto& [name, bytes, read] : {
           Row{"a flag of 2", "\x02", [](ByteReader& r) { (void)r.take_flag(); }},
           Row{"an unknown enumerator", "\x03", [](ByteReader& r) { (void)r.take_enum(Colour::blue); }},
           Row{"a text over its limit", std::string("\x03\0\0\0abc", 7), [](ByteReader& r) { (void)r.take_text(2); }},
           Row{"a text longer than what is left", "\xff\xff\xff\xff",
               [](ByteReader& r) { (void)r.take_text(~std::size_t{0}); }},
           Row{"a count that cannot be", std::string("\x02\0\0\0abc", 7), [](ByteReader& r) { (void)r.take_count(2); }},
       }) {
    ByteReader reader{bytes};
    read(reader);
    EXPECT_TRUE(reader.failed()) << name;
  }
}

TEST(ByteWriter, WritesOverANumber) {
  ByteWriter writer;
  writer.put(std::uint16_t{1});
  writer.put(std::uint16_t{2});
  writer.overwrite(2, std::uint16_t{0x0403});
  EXPECT_EQ(writer.view(), std::string_view("\x01\x00\x03\x04", 4));
}

}  // namespace
}  // namespace posthorn
