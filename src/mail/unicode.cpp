#include "mail/unicode.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace posthorn::mail {

namespace {

using Octets = std::vector<std::uint8_t>;

/// What a function of libunistring gave, or the text as it was.
std::string taken(std::uint8_t* given, std::size_t size, std::string_view text) {
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> owned{given, &std::free};
  return owned ? std::string{given, given + size} : std::string(text);
}

}  // namespace

std::string to_nfc(std::string_view text) {
  if (utf8::is_ascii(text) || !utf8::is_valid(text)) return std::string(text);
  const Octets octets(text.begin(), text.end());
  std::size_t size = 0;
  auto* normal = u8_normalize(UNINORM_NFC, octets.data(), octets.size(), nullptr, &size);
  return taken(normal, size, text);
}

std::string to_lower_nfc(std::string_view text) {
  if (utf8::is_ascii(text) || !utf8::is_valid(text)) return ascii::lower(text);
  const Octets octets(text.begin(), text.end());
  std::size_t size = 0;
  auto* lower = u8_tolower(octets.data(), octets.size(), nullptr, UNINORM_NFC, nullptr, &size);
  return taken(lower, size, text);
}

bool is_word_character(char32_t point) {
  static constexpr std::uint32_t words = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_Nd;
  return uc_is_general_category_withtable(point, words);
}

bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (ascii::is_control(text[i])) return true;
    const auto next = text.substr(i);
    if (next.starts_with('\xc2') && next.size() > 1 && static_cast<unsigned char>(next[1]) < 0xa0) return true;
    if (next.starts_with("\u2028") || next.starts_with("\u2029")) return true;
  }
  return false;
}

}  // namespace posthorn::mail
