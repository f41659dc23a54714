#include "smtp/line_buffer.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {
namespace {

using Found = LineBuffer::Found;

/// The lines found in the bytes, each followed by "|"; another find by its name. Each piece has memory of its own.
std::string read_all(std::string_view bytes, std::size_t step, LineBuffer::Settings settings = {}) {
  LineBuffer buffer(settings);
  std::string heard;
  while (!bytes.empty()) {
    const auto piece = std::make_unique<std::string>(bytes.substr(0, step));
    bytes.remove_prefix(piece->size());
    buffer.add(*piece);
    for (;;) {
      const auto line = buffer.next_line();
      if (line.found == Found::nothing) break;
      if (line.found == Found::line) heard.append(line.text).append("|");
      if (line.found == Found::too_long) heard += "(too long)";
      if (line.found == Found::endless) return heard + "(endless)";
      if (line.found == Found::bare_cr) return heard + "(bare CR)";
      if (line.found == Found::bare_lf) return heard + "(bare LF)";
      if (line.found == Found::nul) return heard + "(NUL)";
    }
    buffer.keep();
  }
  return heard;
}

TEST(LineBuffer, CutsAtCrlfOnlyHoweverTheBytesCame) {
  struct Row {
    const char* name;
    std::string bytes;
    std::string heard;
  };
  const LineBuffer::Settings small{.line_octets = 12, .discard_octets = 30};
  for (const auto& [name, bytes, heard] : std::vector<Row>{
           {"lines", "NOOP\r\nQUIT\r\n", "NOOP|QUIT|"},
           {"an empty line", "\r\n\r\n", "||"},
           {"no end", "NOOP", ""},
           {"half an end", "NOOP\r", ""},
           {"8-bit", "\xc3\xa9\r\n", "\xc3\xa9|"},
           {"a bare LF", "NOOP\nQUIT\r\n", "(bare LF)"},
           {"a bare LF at the start", "\n", "(bare LF)"},
           {"LF CR", "NOOP\n\rQUIT\r\n", "(bare LF)"},
           {"a bare CR", "NO\rOP\r\n", "(bare CR)"},
           {"CR CR LF", "NOOP\r\r\n", "(bare CR)"},
           {"a NUL", std::string("NO\0OP\r\n", 7), "(NUL)"},
           {"a NUL before any end", std::string("\0", 1), "(NUL)"},
           {"a line before the fault", "A\r\nB\nC\r\n", "A|(bare LF)"},
           {"the longest line", "0123456789\r\n", "0123456789|"},
           {"a longer line", "01234567890\r\nA\r\n", "(too long)A|"},
           {"two longer lines", std::string(20, 'x') + "\r\n" + std::string(30, 'y') + "\r\n", "(too long)(too long)"},
           {"a fault in a longer line", std::string(20, 'x') + "\ny\r\n", "(bare LF)"},
           {"an endless line", std::string(31, 'x') + "\r\n", "(endless)"},
           {"an endless line without end", std::string(500, 'x'), "(endless)"},
       }) {
    for (const std::size_t step : {1U, 2U, 3U, 5U, 8U, 11U, 12U, 13U, 1000U}) {
      EXPECT_EQ(read_all(bytes, step, small), heard) << name << ", step " << step;
    }
  }
}

TEST(LineBuffer, ALineWholeInWhatWasLentIsNotCopied) {
  LineBuffer buffer;
  const std::string bytes = "NOOP\r\nQUIT\r\n";
  buffer.add(bytes);
  EXPECT_EQ(buffer.next_line().text.data(), bytes.data());
  EXPECT_EQ(buffer.next_line().text.data(), bytes.data() + 6);
}

TEST(LineBuffer, RawBytesFollowTheLinesThatWereTaken) {
  LineBuffer buffer;
  buffer.add("DA");
  buffer.keep();
  buffer.add("TA\r\nraw \n bytes");
  EXPECT_EQ(buffer.next_line().text, "DATA");
  EXPECT_EQ(buffer.raw(), "raw \n bytes");
  buffer.use(4);
  EXPECT_EQ(buffer.size(), 7U);
  buffer.keep();
  EXPECT_EQ(buffer.raw(), "\n bytes");
  buffer.use(7);
  EXPECT_TRUE(buffer.is_empty());
}

TEST(LineBuffer, KeptAndLentBytesKeepTheirOrder) {
  LineBuffer buffer;
  buffer.add("A\r\nB");
  buffer.add("\r\nC\r");  // keeps the first
  buffer.add("\nD");
  EXPECT_EQ(buffer.next_line().text, "A");
  EXPECT_EQ(buffer.next_line().text, "B");
  EXPECT_EQ(buffer.next_line().text, "C");
  EXPECT_EQ(buffer.next_line().found, Found::nothing);
  EXPECT_EQ(buffer.raw(), "D");
}

TEST(LineBuffer, ClearForgetsEverything) {
  LineBuffer buffer({.line_octets = 10, .discard_octets = 100});
  buffer.add(std::string_view("0123456789012345"));
  EXPECT_EQ(buffer.next_line().found, Found::nothing);
  buffer.clear();
  EXPECT_TRUE(buffer.is_empty());
  buffer.add("A\r\n");
  EXPECT_EQ(buffer.next_line().text, "A");
}

// A quadratic way to gather would move some gigabytes here.
TEST(LineBuffer, ALongLineInSingleOctetsTakesLinearTime) {
  LineBuffer buffer({.line_octets = 4 << 20, .discard_octets = 4 << 20});
  const std::string octet = "x";
  for (int i = 0; i < (1 << 20); ++i) {
    buffer.add(octet);
    ASSERT_EQ(buffer.next_line().found, Found::nothing);
    buffer.keep();
  }
  buffer.add("\r\n");
  EXPECT_EQ(buffer.next_line().text.size(), 1U << 20);
}

TEST(LineBuffer, ManyPipelinedLinesThatWereKeptTakeLinearTime) {
  LineBuffer buffer;
  std::string bytes;
  for (int i = 0; i < 200'000; ++i) bytes += "NOOP\r\n";
  buffer.add(bytes);
  buffer.keep();
  for (int i = 0; i < 200'000; ++i) {
    ASSERT_EQ(buffer.next_line().text, "NOOP");
    buffer.keep();
  }
  EXPECT_TRUE(buffer.is_empty());
}

}  // namespace
}  // namespace posthorn::smtp
