#include "base/clean_text.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn {
namespace {

constexpr std::string_view ellipsis = "…";

/// Code points that show nothing, end lines, or reorder what stands around them.
bool hides_or_reorders(char32_t point) {
  static constexpr std::array<std::pair<char32_t, char32_t>, 9> ranges{{{0x80, 0x9f},
                                                                        {0xad, 0xad},
                                                                        {0x61c, 0x61c},
                                                                        {0x200b, 0x200f},
                                                                        {0x2028, 0x202e},
                                                                        {0x2060, 0x206f},
                                                                        {0xfeff, 0xfeff},
                                                                        {0xfff9, 0xfffb},
                                                                        {0xe0000, 0xe007f}}};
  return std::ranges::any_of(ranges, [&](const auto& range) { return point >= range.first && point <= range.second; });
}

std::string escaped_octet(char c) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
}

/// The next thing to show, and how many octets of the raw text it stands for.
std::pair<std::string, std::size_t> next_shown(std::string_view raw) {
  const auto point = utf8::first_of(raw);
  if (!point || (point->octets == 1 && ascii::is_control(raw.front()))) return {escaped_octet(raw.front()), 1};
  if (hides_or_reorders(point->value)) {
    return {fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(point->value)), point->octets};
  }
  return {std::string(raw.substr(0, point->octets)), point->octets};
}

std::size_t plain_prefix(std::string_view raw) {
  const auto* const end = std::ranges::find_if_not(raw, ascii::is_printable);
  return static_cast<std::size_t>(end - raw.begin());
}

}  // namespace

LogText::LogText(std::string_view raw, std::size_t limit) {
  while (!raw.empty()) {
    const auto plain = raw.substr(0, plain_prefix(raw));
    if (text_.size() + plain.size() > limit) {
      text_ += plain.substr(0, limit - text_.size());
      break;
    }
    text_ += plain;
    raw.remove_prefix(plain.size());
    if (raw.empty()) return;
    const auto [shown, octets] = next_shown(raw);
    if (text_.size() + shown.size() > limit) break;
    text_ += shown;
    raw.remove_prefix(octets);
  }
  if (!raw.empty()) text_ += ellipsis;
}

ReplyText::ReplyText(std::string_view raw, Charset charset, std::size_t limit) {
  while (!raw.empty() && text_.size() < limit) {
    const auto point = utf8::first_of(raw);
    const bool is_plain = ascii::is_printable(raw.front());
    const bool is_kept = is_plain || (charset == Charset::utf8 && point && point->octets > 1 &&
                                      text_.size() + point->octets <= limit && !hides_or_reorders(point->value));
    const auto octets = point ? point->octets : 1;
    text_ += is_kept ? raw.substr(0, octets) : "?";
    raw.remove_prefix(octets);
  }
}

}  // namespace posthorn
