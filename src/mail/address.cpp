#include "mail/address.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "base/utf8.hpp"
#include "mail/header_lexer.hpp"
#include "mail/invalid.hpp"
#include "mail/unicode.hpp"

#include <utility>

namespace posthorn::mail {
namespace {

constexpr std::size_t max_input_octets = 2'048;  // quoted pairs and U-labels may make the written form longer

/// RFC 5321 §4.1.2: Dot-string.
bool is_dot_string(std::string_view text) {
  bool after_dot = true;
  for (const char c : text) {
    const bool is_dot = c == '.';
    if (is_dot ? after_dot : !is_atext(c)) return false;
    after_dot = is_dot;
  }
  return !after_dot;
}

/// RFC 5321 §4.1.2: Quoted-string; the opening quote is taken already.
Result<std::string> take_quoted_local_part(Scanner& scanner) {
  std::string content;
  while (!scanner.at_end()) {
    if (scanner.take('"')) return content;
    scanner.take('\\');
    content += scanner.take_some(1);
  }
  return invalid("the quoted local part is not closed");
}

Result<std::string> take_local_part(Scanner& scanner) {
  if (scanner.take('"')) return take_quoted_local_part(scanner);
  const auto text = scanner.take_while([](char c) { return c == '.' || is_atext(c); });
  if (text.empty()) return invalid("the local part is missing");
  if (!is_dot_string(text)) return invalid("the local part has a dot that is not between two words");
  return std::string(text);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

std::string written(std::string_view local_part, std::string_view domain) {
  auto text = is_dot_string(local_part) ? std::string(local_part) : quoted(local_part);
  text += '@';
  return text += domain;
}

std::uint64_t fnv_1a(std::string_view text, std::uint64_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.size() > max_input_octets) return invalid("the address is too long");
  Scanner scanner(text);
  auto local_part = take_local_part(scanner);
  if (!local_part) return failure(std::move(local_part).error());
  if (!scanner.take('@')) {
    return invalid(scanner.at_end() ? "the address has no domain"
                                    : "the local part has a character that must be quoted");
  }
  auto domain = Domain::parse(scanner.rest());
  if (!domain) return failure(std::move(domain).error());
  return make(*local_part, *domain);
}

Result<Address> Address::make(std::string_view local_part, const Domain& domain) {
  const bool is_plain = is_dot_string(local_part);
  if (!is_plain || !utf8::is_ascii(local_part)) {
    if (has_control_character(local_part)) return invalid("the local part has a control character");
    if (!utf8::is_valid(local_part)) return invalid("the local part is not valid UTF-8");
  }
  // RFC 5321 §4.5.3.1: only the path as a whole is bounded. Deviation from §4.5.3.1.1: a local part may have more than 64
  // octets, since return paths of mailing lists do.
  if (local_part.size() > max_octets) return invalid("the address is too long");
  const auto written_octets = (is_plain ? local_part.size() : quoted(local_part).size()) + 1 + domain.text().size();
  if (written_octets > max_octets) return invalid("the address is too long");
  std::string text;
  text.reserve(local_part.size() + 1 + domain.text().size());
  text += local_part;
  text += '@';
  text += domain.text();
  return Address(std::move(text), local_part.size());
}

bool Address::needs_smtputf8() const { return !utf8::is_ascii(local_part()); }

std::string Address::to_string() const { return is_dot_string(local_part()) ? text_ : written(local_part(), domain()); }

std::string Address::to_unicode() const {
  const auto name = Domain::parse(domain());
  return written(local_part(), name ? name->to_unicode() : std::string(domain()));
}

bool Address::operator==(const Address& other) const {
  if (domain() != other.domain()) return false;
  if (local_part() == other.local_part()) return true;
  return needs_smtputf8() && other.needs_smtputf8() && to_nfc(local_part()) == to_nfc(other.local_part());
}

std::uint64_t Address::fingerprint() const {
  constexpr std::uint64_t start = 0xcbf29ce484222325ULL;
  const auto hash = fnv_1a(needs_smtputf8() ? to_nfc(local_part()) : local_part(), start);
  return fnv_1a(domain(), fnv_1a("@", hash));
}

}  // namespace posthorn::mail
