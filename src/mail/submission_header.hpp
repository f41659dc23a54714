// SubmissionHeader: the header of a message from one of our users, on its way in (RFC 6409 §8). It takes the Bcc fields
// out, with their continuations, keeps the values of From for whoever judges them, and lets every other octet pass as it
// is. Streaming: linear in time, bounded in memory, the result does not depend on how the octets were cut.
// Fields are cut by the same rules as MessageScanner's: blanks may stand before the colon (RFC 5322 §4.5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::mail {

class SubmissionHeader {
 public:
  /// Past this a From field is not kept: is_from_too_long().
  static constexpr std::size_t most_from_octets = 64 << 10;

  /// The next octets. Returns those that pass: a view into `octets` or into this object, valid until the next call.
  [[nodiscard]] std::string_view feed(std::string_view octets);
  /// There are no more: what was held back until its field had a name.
  [[nodiscard]] std::string_view finish();

  [[nodiscard]] std::uint32_t from_fields() const { return from_fields_; }
  /// The value of the first From field, as it was sent, with its folds.
  [[nodiscard]] const std::string& from() const { return from_; }
  [[nodiscard]] bool is_from_too_long() const { return from_too_long_; }

 private:
  enum class Place : std::uint8_t {
    line_start,  // before the first octet of a header line
    name,        // in what may be a field's name: held back
    blanks,      // in blanks between a name and its colon: held back
    line,        // in the rest of a header line
    body,
  };
  enum class Field : std::uint8_t { other, bcc, from };

  void feed_header_octet(char c);
  void start_line(char c);
  void end_name();
  void pass(char c);
  void release();

  Place place_ = Place::line_start;
  Field field_ = Field::other;
  bool any_line_ = false;  // there was a header line before this one
  std::string name_;       // of the field under way, as far as it may matter
  std::string held_;       // octets of the line under way that wait for its name
  std::size_t held_blanks_ = 0;
  std::string passed_;
  std::string from_;
  std::uint32_t from_fields_ = 0;
  bool from_too_long_ = false;
};

}  // namespace posthorn::mail
