#include "base/utf8.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace posthorn::utf8 {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

/// What the first octet of a sequence promises.
struct Lead {
  std::size_t octets;
  char32_t bits;
  char32_t least;  // the smallest code point that needs this many octets
};

std::optional<Lead> lead_of(unsigned char octet) {
  if (octet < 0x80) return Lead{1, octet, 0};
  if (octet >= 0xc2 && octet < 0xe0) return Lead{2, octet & 0x1fU, 0x80};
  if (octet >= 0xe0 && octet < 0xf0) return Lead{3, octet & 0x0fU, 0x800};
  if (octet >= 0xf0 && octet < 0xf5) return Lead{4, octet & 0x07U, 0x10000};
  return std::nullopt;
}

bool is_scalar_value(char32_t point) { return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff); }

}  // namespace

std::optional<CodePoint> first_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto lead = lead_of(static_cast<unsigned char>(text.front()));
  if (!lead || text.size() < lead->octets) return std::nullopt;
  auto point = lead->bits;
  for (const char c : text.substr(1, lead->octets - 1)) {
    if (!is_continuation(c)) return std::nullopt;
    point = point << 6 | (static_cast<unsigned char>(c) & 0x3fU);
  }
  if (point < lead->least || !is_scalar_value(point)) return std::nullopt;
  return CodePoint{point, lead->octets};
}

bool is_valid(std::string_view text) {
  while (!text.empty()) {
    const auto point = first_of(text);
    if (!point) return false;
    text.remove_prefix(point->octets);
  }
  return true;
}

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

void append(std::string& text, char32_t point) {
  ensure(is_scalar_value(point), "a code point outside Unicode is never written");
  const auto put = [&](char32_t octet) { text += static_cast<char>(static_cast<unsigned char>(octet)); };
  const auto put_rest = [&](int octets) {
    for (int left = octets; left > 0; --left) put(0x80U | (point >> (6 * (left - 1)) & 0x3fU));
  };
  if (point < 0x80) return put(point);
  if (point < 0x800) return put(0xc0U | point >> 6), put_rest(1);
  if (point < 0x10000) return put(0xe0U | point >> 12), put_rest(2);
  put(0xf0U | point >> 18);
  put_rest(3);
}

std::string_view prefix(std::string_view text, std::size_t octets) {
  if (text.size() <= octets) return text;
  for (int back = 0; back < 3 && octets > 0 && is_continuation(text[octets]); ++back) --octets;
  return text.substr(0, octets);
}

}  // namespace posthorn::utf8
