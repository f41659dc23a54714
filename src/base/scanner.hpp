// Scanner: a cursor over text that a grammar reads from left to right. Every advance is checked; nothing is copied.
// The views it returns live as long as the text it was given.
#pragma once

#include "base/ascii.hpp"

#include <cstddef>
#include <string_view>

namespace posthorn {

class Scanner {
 public:
  explicit constexpr Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] constexpr bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] constexpr std::size_t position() const { return position_; }
  [[nodiscard]] constexpr std::string_view rest() const { return text_.substr(position_); }
  /// The text between an earlier position and now.
  [[nodiscard]] constexpr std::string_view since(std::size_t start) const {
    return text_.substr(start, position_ - start);
  }

  /// The next character, or NUL at the end.
  [[nodiscard]] constexpr char peek() const { return at_end() ? '\0' : text_[position_]; }

  constexpr bool take(char wanted) {
    if (at_end() || text_[position_] != wanted) return false;
    ++position_;
    return true;
  }

  /// Takes `word` if it stands here, in any case.
  constexpr bool take_word(std::string_view word) {
    if (!ascii::starts_with_word(rest(), word)) return false;
    position_ += word.size();
    return true;
  }

  /// Takes the longest run of characters for which `wanted(c)` holds; may be empty.
  template <class Predicate>
  constexpr std::string_view take_while(Predicate wanted) {
    const auto start = position_;
    while (!at_end() && wanted(text_[position_])) ++position_;
    return since(start);
  }

  /// Takes at most `count` characters.
  constexpr std::string_view take_some(std::size_t count) {
    const auto start = position_;
    position_ += count < text_.size() - position_ ? count : text_.size() - position_;
    return since(start);
  }

  constexpr void back_to(std::size_t position) {
    if (position < position_) position_ = position;
  }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace posthorn
