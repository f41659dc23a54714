#include "mail/text_survey.hpp"

#include "base/assert.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::mail {
namespace {

// What an octet tells of the file it stands in.
enum Kind : std::uint8_t {
  ordinary = 0,
  line_end = 1,
  high = 2,  // not ASCII
  nul = 4,
  c1 = 8,         // a control character of ISO-8859-1
  binary = 16,    // a control character that stands in no text
  undefined = 32  // windows-1252 gives it no character
};

constexpr std::string_view controls_of_texts =
    "\t\n\r\f\b\x1b";  // tab, ends, escape (of ISO-2022), backspace (of old manuals)
constexpr std::string_view no_characters = "\x81\x8d\x8f\x90\x9d";

constexpr unsigned kind_of(char c) {
  const auto octet = static_cast<unsigned char>(c);
  unsigned kind = ordinary;
  if (c == '\n' || c == '\r') kind |= line_end;
  if (octet >= 0x80) kind |= high;
  if (c == '\0') kind |= nul;
  if (octet >= 0x80 && octet < 0xa0) kind |= c1;
  if ((octet < 0x20 || octet == 0x7f) && !controls_of_texts.contains(c)) kind |= binary;
  if (no_characters.contains(c)) kind |= undefined;
  return kind;
}

constexpr auto kinds = [] {
  std::array<std::uint8_t, 256> all{};
  for (unsigned octet = 0; octet < all.size(); ++octet)
    all.at(octet) = static_cast<std::uint8_t>(kind_of(static_cast<char>(octet)));
  return all;
}();

/// How many octets a code point has that begins with this one; 0: none begins so.
std::size_t length_from(char c) {
  const auto octet = static_cast<unsigned char>(c);
  if (octet < 0x80) return 1;
  if (octet >= 0xc2 && octet < 0xe0) return 2;
  if (octet >= 0xe0 && octet < 0xf0) return 3;
  return octet >= 0xf0 && octet < 0xf5 ? 4 : 0;
}

}  // namespace

void TextSurvey::read(std::string_view piece) {
  octets_ += piece.size();
  if (has_nul_) return;  // it is no text, whatever follows
  if (is_utf8_) read_utf8(piece);
  read_kinds(piece);
}

void TextSurvey::read_kinds(std::string_view piece) {
  unsigned seen = ordinary;
  for (const char c : piece) {
    const unsigned kind = kinds[static_cast<unsigned char>(c)];
    seen |= kind;
    high_octets_ += (kind & high) / high;
    line_octets_ = (kind & line_end) != 0 ? 0 : line_octets_ + 1;
    longest_line_ = std::max(longest_line_, line_octets_);
  }
  has_nul_ = has_nul_ || (seen & nul) != 0;
  has_c1_octet_ = has_c1_octet_ || (seen & c1) != 0;
  has_binary_octet_ = has_binary_octet_ || (seen & binary) != 0;
  cannot_be_windows_ = cannot_be_windows_ || (seen & undefined) != 0;
}

void TextSurvey::read_utf8(std::string_view piece) {
  if (!cut_.empty()) {
    const auto missing = length_from(cut_.front()) - cut_.size();
    cut_ += piece.substr(0, missing);
    piece.remove_prefix(std::min(missing, piece.size()));
    if (cut_.size() < length_from(cut_.front())) return;
    is_utf8_ = utf8::is_valid(std::exchange(cut_, {}));
  }
  const auto tail = piece.substr(piece.size() - std::min<std::size_t>(piece.size(), 3));
  for (std::size_t at = 0; at < tail.size(); ++at) {
    if (length_from(tail[at]) <= tail.size() - at) continue;
    cut_ = tail.substr(at);
    piece.remove_suffix(cut_.size());
    break;
  }
  is_utf8_ = is_utf8_ && utf8::is_valid(piece);
}

void TextSurvey::finish() {
  if (!cut_.empty()) is_utf8_ = false;
}

TextSurvey::Charset TextSurvey::charset() const {
  if (has_binary_octet_) return Charset::none;
  if (high_octets_ == 0) return Charset::ascii;
  if (is_utf8_) return Charset::utf8;
  if (!has_c1_octet_) return Charset::latin1;
  return cannot_be_windows_ ? Charset::none : Charset::windows_1252;
}

std::string_view name_of(TextSurvey::Charset charset) {
  switch (charset) {
    case TextSurvey::Charset::ascii:
      return "us-ascii";
    case TextSurvey::Charset::utf8:
      return "utf-8";
    case TextSurvey::Charset::latin1:
      return "iso-8859-1";
    case TextSurvey::Charset::windows_1252:
      return "windows-1252";
    case TextSurvey::Charset::none:
      return "";
  }
  bug("a charset has a name");
}

}  // namespace posthorn::mail
