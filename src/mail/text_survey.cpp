#include "mail/text_survey.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::mail {
namespace {

/// Control characters that stand in texts: tab, line ends, form feed, escape (of ISO-2022), backspace (of old manuals).
bool is_binary(char c) { return ascii::is_control(c) && !std::string_view("\t\n\r\f\b\x1b").contains(c); }

bool is_c1(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet >= 0x80 && octet < 0xa0;
}

/// Octets that windows-1252 gives no character.
bool is_undefined(char c) { return std::string_view("\x81\x8d\x8f\x90\x9d").contains(c); }

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
  if (is_utf8_) read_utf8(piece);
  for (const char c : piece) read_octet(c);
}

void TextSurvey::read_octet(char c) {
  if (c == '\n' || c == '\r') {
    line_octets_ = 0;
    return;
  }
  longest_line_ = std::max(longest_line_, ++line_octets_);
  if (!ascii::is_ascii(c)) ++high_octets_;
  if (c == '\0') has_nul_ = true;
  if (is_c1(c)) has_c1_octet_ = true;
  if (is_binary(c)) has_binary_octet_ = true;
  if (is_undefined(c)) cannot_be_windows_ = true;
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
    case TextSurvey::Charset::ascii: return "us-ascii";
    case TextSurvey::Charset::utf8: return "utf-8";
    case TextSurvey::Charset::latin1: return "iso-8859-1";
    case TextSurvey::Charset::windows_1252: return "windows-1252";
    case TextSurvey::Charset::none: return "";
  }
  bug("a charset has a name");
}

}  // namespace posthorn::mail
