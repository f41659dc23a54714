#include "base/message_id.hpp"

#include "base/ascii.hpp"

namespace posthorn {
namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t text_size = 13;  // 13 * 5 = 65 bits; the first digit is at most F

}  // namespace

std::string MessageId::to_string() const {
  std::string text(text_size, '0');
  auto rest = value_;
  for (auto at = text.rbegin(); at != text.rend(); ++at) {
    *at = digits[rest & 31];
    rest >>= 5;
  }
  return text;
}

std::optional<MessageId> MessageId::parse(std::string_view text) {
  if (text.size() != text_size) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = digits.find(ascii::to_upper(c));
    if (digit == std::string_view::npos || value >> 59 != 0) return std::nullopt;
    value = value << 5 | digit;
  }
  return MessageId{value};
}

}  // namespace posthorn
