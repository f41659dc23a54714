#include "base/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace posthorn::base64 {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t foreign = 0xff;

constexpr std::array<std::uint8_t, 256> values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(foreign);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table.at(static_cast<unsigned char>(alphabet[i])) = static_cast<std::uint8_t>(i);
  }
  return table;
}();

/// Up to three octets as four characters.
void encode_group(std::string& out, std::string_view octets) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    bits = bits << 8 | (i < octets.size() ? static_cast<unsigned char>(octets[i]) : 0U);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    out += i <= octets.size() ? alphabet[bits >> (18 - 6 * i) & 0x3fU] : '=';
  }
}

/// Two to four characters as one to three octets; false if they are not such a group.
bool decode_group(std::string& out, std::string_view characters) {
  if (characters.size() < 2) return false;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto value = i < characters.size() ? values.at(static_cast<unsigned char>(characters[i])) : std::uint8_t{0};
    if (value == foreign) return false;
    bits = bits << 6 | value;
  }
  const auto octets = characters.size() - 1;
  for (std::size_t i = 0; i < octets; ++i) out += static_cast<char>(static_cast<unsigned char>(bits >> (16 - 8 * i)));
  const auto unused = bits & (0xffffffU >> (8 * octets));
  return unused == 0;
}

}  // namespace

std::string encode(std::string_view octets) {
  std::string out;
  out.reserve((octets.size() + 2) / 3 * 4);
  for (; !octets.empty(); octets.remove_prefix(std::min<std::size_t>(3, octets.size()))) {
    encode_group(out, octets.substr(0, 3));
  }
  return out;
}

std::optional<std::string> decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(4, text.size()))) {
    if (!decode_group(out, text.substr(0, 4))) return std::nullopt;
  }
  return out;
}

}  // namespace posthorn::base64
