// LineBuffer: bytes as they came, cut into strict lines or handed on raw. Only CRLF ends a line; a bare CR, a bare LF and
// a NUL are found as soon as they are there (RFC 5321 §2.3.8, §4.1.1.4, §4.5.2). Lengths are bounded, also while
// discarding. No memory is held while it is empty; each octet is looked at a bounded number of times, however the bytes
// were cut (RFC 5321 §4.5.3.1.4).
// Bytes are lent: add() copies nothing, and lines that lie whole in what was lent are views into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::smtp {

class LineBuffer {
 public:
  struct Settings {
    std::size_t line_octets = 12'288;     ///< longest line, CRLF counted (RFC 4954 §4); a longer one is thrown away …
    std::size_t discard_octets = 65'536;  ///< … and is endless past this
  };

  enum class Found : std::uint8_t {
    nothing,  ///< no whole line yet
    line,
    too_long,  ///< an over-long line has ended; it was thrown away
    endless,   ///< an over-long line goes on past the bound
    bare_cr,
    bare_lf,
    nul,
  };
  struct Line {
    Found found = Found::nothing;
    std::string_view text{};  ///< without CRLF; valid until the next call of any function that is not const
  };

  LineBuffer() = default;
  explicit LineBuffer(const Settings& settings) : settings_(settings) {}

  /// Lends bytes: they stay valid until keep() or until they are used up. What was lent before is kept first.
  void add(std::string_view bytes);
  /// Copies what is left of the lent bytes, so that they may go away.
  void keep();

  /// Takes the next line. After endless, bare_cr, bare_lf or nul the lines mean nothing any more: clear() and close.
  [[nodiscard]] Line next_line();

  /// The next raw bytes, as many as lie together; empty when there are none. Valid as a line's text is.
  [[nodiscard]] std::string_view raw() const { return has_kept() ? kept_rest() : lent_; }
  /// Uses up the first `count` of raw().
  void use(std::size_t count);

  /// No unused bytes. (An over-long line under way counts as none.)
  [[nodiscard]] bool is_empty() const { return !has_kept() && lent_.empty(); }
  [[nodiscard]] std::size_t size() const { return kept_rest().size() + lent_.size(); }
  /// Forgets everything.
  void clear();

 private:
  [[nodiscard]] bool has_kept() const { return used_ < kept_.size(); }
  [[nodiscard]] std::string_view kept_rest() const { return std::string_view(kept_).substr(used_); }
  [[nodiscard]] Line look_in(std::string_view bytes);
  [[nodiscard]] Line end_line(std::string_view text);
  [[nodiscard]] Line wait_for_more(std::size_t clean);
  void gather();
  void release();

  Settings settings_;
  std::string kept_;  // bytes of our own; the first `used_` are used up
  std::size_t used_ = 0;
  std::string_view lent_;      // what follows them
  std::size_t searched_ = 0;   // so many octets of raw() hold no end of line and no fault
  std::size_t discarded_ = 0;  // of the over-long line under way; 0: there is none
};

}  // namespace posthorn::smtp
