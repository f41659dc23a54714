#include "config/nearest_word.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace posthorn::config {
namespace {

TEST(NearestWord, names_what_was_meant_or_nothing) {
  static constexpr std::array<std::string_view, 6> known{"check", "user", "serve", "spool", "queue", "message_size"};
  struct Row {
    std::string_view word;
    std::string_view nearest;  // empty: none
  };
  static constexpr std::array<Row, 12> rows{{
      {"check", "check"},
      {"chekc", "check"},
      {"CHECK", "check"},
      {"users", "user"},
      {"srve", "serve"},
      {"messagesize", "message_size"},
      {"message-size", "message_size"},
      {"max_size", ""},
      {"x", ""},
      {"", ""},
      {"completely_different", ""},
      {"que", ""},
  }};
  for (const auto& row : rows) {
    EXPECT_EQ(nearest_word(row.word, known).value_or(""), row.nearest) << row.word;
  }
}

TEST(NearestWord, leaves_very_long_words_alone) {
  const std::string word(100'000, 'a');
  const std::array<std::string_view, 1> known{word};
  EXPECT_FALSE(nearest_word(word, known));
}

}  // namespace
}  // namespace posthorn::config
