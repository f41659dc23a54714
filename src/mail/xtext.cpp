#include "mail/xtext.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/scanner.hpp"
#include "base/utf8.hpp"

#include <fmt/core.h>

#include <charconv>

namespace posthorn::mail {
namespace {

/// RFC 3461 §4: xchar.
bool is_xchar(char c) { return c > ' ' && c < 0x7f && c != '+' && c != '='; }

/// RFC 6533 §3: QCHAR.
bool is_qchar(char c) { return is_xchar(c) && c != '\\'; }

/// All of it as a hexadecimal number.
std::optional<std::uint32_t> hexadecimal(std::string_view digits) {
  std::uint32_t value = 0;
  const auto* const last = digits.data() + digits.size();
  const auto [end, fault] = std::from_chars(digits.data(), last, value, 16);
  if (digits.empty() || fault != std::errc{} || end != last) return std::nullopt;
  return value;
}

/// RFC 6533 §3: EmbeddedUnicodeChar, of which the backslash is taken. What it stands for is appended.
bool take_embedded(Scanner& scanner, std::string& out) {
  if (!scanner.take('x') || !scanner.take('{')) return false;
  const auto digits = scanner.take_while([](char c) { return c != '}'; });
  if (!scanner.take('}') || digits.size() < 2 || digits.size() > 6) return false;
  const auto point = hexadecimal(digits);
  if (!point || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff)) return false;
  utf8::append(out, *point);
  return true;
}

}  // namespace

std::string encode_xtext(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    if (is_xchar(c)) {
      out += c;
    } else {
      out += fmt::format("+{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string out;
  Scanner scanner(text);
  while (!scanner.at_end()) {
    if (!scanner.take('+')) {
      if (!is_xchar(scanner.peek())) return std::nullopt;
      out += scanner.take_some(1);
      continue;
    }
    const auto digits = scanner.take_some(2);
    const auto value = digits.size() == 2 ? hexadecimal(digits) : std::nullopt;
    if (!value) return std::nullopt;
    out += static_cast<char>(static_cast<unsigned char>(*value));
  }
  return out;
}

std::string encode_unitext(std::string_view address, UnitextForm form) {
  std::string out;
  while (!address.empty()) {
    const auto point = utf8::first_of(address);
    ensure(point.has_value(), "an address is valid UTF-8");
    const bool as_it_is = point->octets == 1 ? is_qchar(address.front()) : form == UnitextForm::utf8;
    if (as_it_is) {
      out += address.substr(0, point->octets);
    } else {
      out += fmt::format("\\x{{{:02X}}}", static_cast<std::uint32_t>(point->value));
    }
    address.remove_prefix(point->octets);
  }
  return out;
}

std::optional<std::string> decode_unitext(std::string_view text) {
  if (!utf8::is_valid(text)) return std::nullopt;
  std::string out;
  Scanner scanner(text);
  while (!scanner.at_end()) {
    if (scanner.take('\\')) {
      if (!take_embedded(scanner, out)) return std::nullopt;
      continue;
    }
    const char c = scanner.peek();
    if (ascii::is_ascii(c) && !is_qchar(c)) return std::nullopt;
    out += scanner.take_some(1);
  }
  return out;
}

}  // namespace posthorn::mail
