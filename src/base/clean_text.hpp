// Text from outside on its way to people: types that clean what they are made from, so that what was not cleaned cannot be
// put where they are asked for. Each is bounded, one line, and has no control character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn {

/// Text for the log, for files that operators read and for their screens. Valid UTF-8. Control characters, octets that are
/// not UTF-8, and code points that reorder or hide text are shown as `\x1b`, `\u202e`, so that nothing is lost to the
/// reader. What is cut ends in "…".
class LogText {
 public:
  static constexpr std::size_t usual_limit = 1000;

  explicit LogText(std::string_view raw, std::size_t limit = usual_limit);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Text for a reply to a remote host: printable, no CR, no LF, so that it can neither end the reply nor begin another
/// (RFC 5321 §4.2: textstring). What does not fit is a "?".
class ReplyText {
 public:
  static constexpr std::size_t usual_limit = 400;
  enum class Charset { ascii, utf8 };

  /// `utf8` only to a client that said SMTPUTF8 (RFC 6531 §3.7.4).
  explicit ReplyText(std::string_view raw, Charset charset = Charset::ascii, std::size_t limit = usual_limit);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace posthorn
