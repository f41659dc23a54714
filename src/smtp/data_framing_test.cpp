#include "smtp/data_framing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {
namespace {

using Status = TextPiece::Status;

/// The text that comes out, and what is left behind the end after "|"; "!" and the number of a fault.
std::string decode(std::string_view wire, std::size_t step) {
  DotDecoder decoder;
  std::string text;
  while (!wire.empty()) {
    auto piece_of_wire = wire.substr(0, step);
    while (!piece_of_wire.empty()) {
      const auto piece = decoder.read(piece_of_wire);
      text.append(piece.text);
      piece_of_wire.remove_prefix(piece.used);
      wire.remove_prefix(piece.used);
      if (piece.status == Status::ended) return text + "|" + std::string(wire);
      if (piece.status == Status::fault) return "!" + std::to_string(static_cast<int>(piece.fault));
    }
  }
  return text + "…";
}

std::string bare(TextFault fault) { return "!" + std::to_string(static_cast<int>(fault)); }

TEST(DotDecoder, UndoesStuffingAndFindsTheEndHoweverTheBytesCame) {
  struct Row {
    const char* name;
    std::string wire;
    std::string text;
  };
  for (const auto& [name, wire, text] : std::vector<Row>{
           {"a message", "a\r\nb\r\n.\r\n", "a\r\nb\r\n|"},
           {"an empty message", ".\r\n", "|"},
           {"commands behind the end", "a\r\n.\r\nQUIT\r\n", "a\r\n|QUIT\r\n"},
           {"stuffed dots", "..\r\n...x\r\n.y\r\n.\r\n", ".\r\n..x\r\ny\r\n|"},
           {"a dot within a line", "a.\r\n.\r\n", "a.\r\n|"},
           {"an empty line before the end", "\r\n.\r\n", "\r\n|"},
           {"two ends", ".\r\n.\r\n", "|.\r\n"},
           {"unfinished", "a\r\n.", "a\r\n…"},
       }) {
    for (const std::size_t step : {1U, 2U, 3U, 4U, 5U, 1000U})
      EXPECT_EQ(decode(wire, step), text) << name << ", step " << step;
  }
}

// Each of these has ended a message in some server (SMTP smuggling).
TEST(DotDecoder, NothingElseEndsDataAndEveryTrickIsAFault) {
  struct Row {
    const char* name;
    std::string wire;
    TextFault fault;
  };
  for (const auto& [name, wire, fault] : std::vector<Row>{
           {"LF . LF", "a\n.\nMAIL", TextFault::bare_lf},
           {"LF . CRLF", "a\n.\r\nMAIL", TextFault::bare_lf},
           {"CRLF . LF", "a\r\n.\nMAIL", TextFault::bare_lf},
           {"CRLF . CR", "a\r\n.\rMAIL", TextFault::bare_cr},
           {"CR . CRLF", "a\r.\r\nMAIL", TextFault::bare_cr},
           {"CR . CR", "a\r.\rMAIL", TextFault::bare_cr},
           {"CR . LF", "a\r.\nMAIL", TextFault::bare_cr},
           {"LF . CR", "a\n.\rMAIL", TextFault::bare_lf},
           {"CR CRLF . CRLF", "a\r\r\n.\r\nMAIL", TextFault::bare_cr},
           {"CRLF . CR CRLF", "a\r\n.\r\r\nMAIL", TextFault::bare_cr},
           {"CRLF NUL . CRLF", std::string("a\r\n\0.\r\nMAIL", 11), TextFault::nul},
           {"CRLF . NUL CRLF", std::string("a\r\n.\0\r\nMAIL", 11), TextFault::nul},
           {"CR NUL LF . CRLF", std::string("a\r\0\n.\r\nMAIL", 11), TextFault::bare_cr},
           {"an LF in a line", "a\nb\r\n.\r\n", TextFault::bare_lf},
           {"a CR in a line", "a\rb\r\n.\r\n", TextFault::bare_cr},
           {"a NUL in a line", std::string("a\0b\r\n.\r\n", 8), TextFault::nul},
           {"an LF at the start", "\n.\r\n", TextFault::bare_lf},
           {"a stuffed dot and LF", "..\n", TextFault::bare_lf},
       }) {
    for (const std::size_t step : {1U, 2U, 3U, 4U, 1000U})
      EXPECT_EQ(decode(wire, step), bare(fault)) << name << ", step " << step;
  }
}

TEST(DotDecoder, TextWithoutStuffingComesOutInOnePieceAndUncopied) {
  const std::string wire = "a\r\nb\r\nc\r\n.\r\n";
  DotDecoder decoder;
  const auto piece = decoder.read(wire);
  EXPECT_EQ(piece.text, "a\r\nb\r\nc\r\n");
  EXPECT_EQ(piece.text.data(), wire.data());
}

TEST(DotDecoder, TextBeforeAFaultIsToldFirst) {
  DotDecoder decoder;
  const std::string_view wire = "good\r\nbad\n";
  const auto text = decoder.read(wire);
  EXPECT_EQ(text.status, Status::more);
  EXPECT_EQ(text.text, "good\r\nbad");
  EXPECT_EQ(decoder.read(wire.substr(text.used)).status, Status::fault);
}

TEST(LineEndChecker, FindsWhatIsBareHoweverTheBytesCame) {
  struct Row {
    std::string text;
    std::size_t clean;
    std::optional<TextFault> fault;
  };
  for (const auto& [text, clean, fault] : std::vector<Row>{
           {"a\r\nb\r\n", 6, std::nullopt},
           {"no end", 6, std::nullopt},
           {".\r\n..\r\n", 7, std::nullopt},
           {"a\nb", 1, TextFault::bare_lf},
           {"a\rb", 2, TextFault::bare_cr},
           {"a\r\rb", 2, TextFault::bare_cr},
           {std::string("a\0b", 3), 1, TextFault::nul},
       }) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      LineEndChecker checker;
      auto checked = checker.read(std::string_view(text).substr(0, cut));
      if (!checked.fault) {
        checked = checker.read(std::string_view(text).substr(cut));
        checked.clean += cut;
      }
      EXPECT_EQ(checked.clean, clean) << text << ", cut at " << cut;
      EXPECT_EQ(checked.fault, fault) << text << ", cut at " << cut;
    }
  }
}

TEST(LineEndChecker, TheRestBeginsWithTheFault) {
  LineEndChecker checker;
  const std::string_view text = "ab\r\nc\nd";
  EXPECT_EQ(checker.read(text).clean, 5U);
  EXPECT_EQ(checker.read(text.substr(5)).clean, 0U);
}

TEST(LineEndChecker, ACrAtTheEndIsBare) {
  LineEndChecker checker;
  EXPECT_FALSE(checker.check("a\r"));
  EXPECT_FALSE(checker.may_end());
  EXPECT_FALSE(checker.check("\n"));
  EXPECT_TRUE(checker.may_end());
}

TEST(ChunkReader, CountsItsOctetsAndNoMore) {
  ChunkReader chunk;
  chunk.start(5, true);
  EXPECT_EQ(chunk.part_of("ab"), "ab");
  chunk.use(2);
  EXPECT_EQ(chunk.remaining(), 3U);
  EXPECT_FALSE(chunk.is_done());
  EXPECT_EQ(chunk.part_of("cdefg"), "cde");
  chunk.use(3);
  EXPECT_TRUE(chunk.is_done());
  EXPECT_TRUE(chunk.is_last());
  chunk.start(0, false);
  EXPECT_TRUE(chunk.is_done());
  EXPECT_EQ(chunk.part_of("x"), "");
}

TEST(ChunkReader, CountsPastWhatMemoryHolds) {
  ChunkReader chunk;
  chunk.start(~std::uint64_t{0}, false);
  EXPECT_EQ(chunk.part_of("abc"), "abc");
  chunk.use(3);
  EXPECT_EQ(chunk.remaining(), ~std::uint64_t{0} - 3);
}

std::string encode(std::string_view text, std::size_t step) {
  DotEncoder encoder;
  std::string wire;
  while (!text.empty()) {
    if (const auto fault = encoder.encode(text.substr(0, step), wire)) return bare(*fault);
    text.remove_prefix(std::min(step, text.size()));
  }
  if (const auto fault = encoder.finish(wire)) return bare(*fault);
  return wire;
}

TEST(DotEncoder, StuffsDotsAndEndsHoweverTheBytesCame) {
  struct Row {
    std::string text;
    std::string wire;
  };
  for (const auto& [text, wire] : std::vector<Row>{
           {"", ".\r\n"},
           {"a\r\n", "a\r\n.\r\n"},
           {"a", "a\r\n.\r\n"},
           {".\r\n", "..\r\n.\r\n"},
           {"..a\r\n.", "...a\r\n..\r\n.\r\n"},
           {"a.b\r\n.\r\n", "a.b\r\n..\r\n.\r\n"},
       }) {
    for (const std::size_t step : {1U, 2U, 3U, 1000U}) EXPECT_EQ(encode(text, step), wire) << text << ", step " << step;
  }
}

TEST(DotEncoder, RefusesWhatAPeerCouldTakeForAnEnd) {
  for (const std::size_t step : {1U, 2U, 1000U}) {
    EXPECT_EQ(encode("a\n.\nMAIL", step), bare(TextFault::bare_lf));
    EXPECT_EQ(encode("a\r.\r\nMAIL", step), bare(TextFault::bare_cr));
    EXPECT_EQ(encode(std::string("a\0b", 3), step), bare(TextFault::nul));
    EXPECT_EQ(encode("a\r", step), bare(TextFault::bare_cr));
  }
}

TEST(DotEncoder, WhatItEncodesDecodesToTheSame) {
  for (const std::string text :
       {"", "\r\n", ".\r\n.\r\n..\r\n", "a\r\n.b\r\n\r\n.\r\n", "Subject: x\r\n\r\n.hidden\r\n"}) {
    EXPECT_EQ(decode(encode(text, 1000), 1000), text + "|") << text;
  }
}

}  // namespace
}  // namespace posthorn::smtp
