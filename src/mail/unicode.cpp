#include "mail/unicode.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"

#include <uninorm.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace posthorn::mail {

std::string to_nfc(std::string_view text) {
  if (utf8::is_ascii(text) || !utf8::is_valid(text)) return std::string(text);
  const std::vector<std::uint8_t> octets(text.begin(), text.end());
  std::size_t size = 0;
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> normal{
      u8_normalize(UNINORM_NFC, octets.data(), octets.size(), nullptr, &size), &std::free};
  if (!normal) return std::string(text);
  return {normal.get(), normal.get() + size};
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
