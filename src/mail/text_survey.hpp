// TextSurvey: what a file is, found out in one reading, in pieces of any size and in bounded memory: which charset its text
// has, or that it is no text; and whether its lines can go through SMTP as they are. A line ends with LF, CRLF or CR.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::mail {

class TextSurvey {
 public:
  enum class Charset : std::uint8_t {
    ascii,
    utf8,
    latin1,        ///< ISO-8859-1: 8-bit text that is not UTF-8
    windows_1252,  ///< the same with the octets that ISO-8859-1 leaves to control characters
    none,          ///< not text
  };

  void read(std::string_view piece);
  /// There is no more. A code point that was cut off at the end is none.
  void finish();

  [[nodiscard]] Charset charset() const;
  [[nodiscard]] bool has_long_line() const { return longest_line_ > longest_allowed; }
  [[nodiscard]] bool has_nul() const { return has_nul_; }
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  /// Octets that are not ASCII.
  [[nodiscard]] std::uint64_t high_octets() const { return high_octets_; }

 private:
  static constexpr std::uint64_t longest_allowed = 998;  // RFC 5322 §2.1.1

  void read_kinds(std::string_view piece);
  void read_utf8(std::string_view piece);

  std::uint64_t octets_ = 0;
  std::uint64_t high_octets_ = 0;
  std::uint64_t line_octets_ = 0;
  std::uint64_t longest_line_ = 0;
  std::string cut_;  // the start of a code point, at most three octets
  bool is_utf8_ = true;
  bool has_nul_ = false;
  bool has_c1_octet_ = false;
  bool has_binary_octet_ = false;
  bool cannot_be_windows_ = false;
};

/// "us-ascii", "utf-8", "iso-8859-1", "windows-1252"; empty for none.
[[nodiscard]] std::string_view name_of(TextSurvey::Charset charset);

}  // namespace posthorn::mail
