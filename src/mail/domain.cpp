#include "mail/domain.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "mail/invalid.hpp"

#include <idn2.h>

#include <algorithm>
#include <memory>

namespace posthorn::mail {
namespace {

constexpr std::size_t max_name_octets = 253;     // RFC 1035 §2.3.4: 255 with the length octets
constexpr std::size_t max_label_octets = 63;     // RFC 1035 §2.3.4
constexpr std::size_t max_input_octets = 1'024;  // U-labels may be longer than their A-labels, but not without end

struct IdnFree {
  void operator()(char* text) const { idn2_free(text); }
};
using IdnText = std::unique_ptr<char, IdnFree>;

/// RFC 5891 §5 by way of UTS 46 without transitional rules: maps case and width, then asks for valid U-labels.
std::optional<std::string> to_a_labels(const std::string& name) {
  char* raw = nullptr;
  const int outcome = idn2_to_ascii_8z(name.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const IdnText ascii_name{raw};
  if (outcome != IDN2_OK || !ascii_name) return std::nullopt;
  return std::string(ascii_name.get());
}

/// RFC 5321 §4.1.2: sub-domain. Deviation: an underscore counts as a letter, since names in use have one.
constexpr bool may_stand_in_label(char c) { return ascii::is_letter_or_digit(c) || c == '-' || c == '_'; }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= max_label_octets && label.front() != '-' && label.back() != '-';
}

/// Each label by the rules, and the last not all digits (RFC 3696 §2), so that no name can be read as an IPv4 address.
bool is_name(std::string_view name) {
  if (!std::ranges::all_of(name, [](char c) { return c == '.' || may_stand_in_label(c); })) return false;
  while (true) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, ascii::is_digit);
    name.remove_prefix(dot + 1);
  }
}

Result<std::string> canonical_name(std::string_view text) {
  std::string name(text);
  if (!utf8::is_ascii(text)) {
    if (!utf8::is_valid(text)) return invalid("the domain is not valid UTF-8");
    if (text.contains('\0')) return invalid("the domain has a character that no host name has");
    auto a_labels = to_a_labels(name);
    if (!a_labels) return invalid("the domain is not a valid internationalized name");
    name = *std::move(a_labels);
  }
  if (name.ends_with('.')) name.pop_back();
  if (name.size() > max_name_octets) return invalid("the domain is too long");
  if (!is_name(name)) return invalid("the domain is not a host name");
  for (char& c : name) c = ascii::to_lower(c);
  return name;
}

std::string literal_text(const IpAddress& address) {
  return (address.is_v6() ? "[IPv6:" : "[") + address.to_string() + ']';
}

/// RFC 5321 §4.1.3. A general address literal has no registered tag, so there is none to take.
Result<std::string> canonical_literal(std::string_view text) {
  static constexpr std::string_view tag = "IPv6:";
  if (!text.ends_with(']')) return invalid("the address literal is not closed");
  text = text.substr(1, text.size() - 2);
  const bool tagged = ascii::starts_with_word(text, tag);
  if (tagged) text.remove_prefix(tag.size());
  const auto address = IpAddress::parse(text);
  if (!address || tagged != text.contains(':')) return invalid("the address literal is not an address");
  return literal_text(*address);
}

}  // namespace

Result<Domain> Domain::parse(std::string_view text) {
  if (text.empty()) return invalid("the domain is missing");
  if (text.size() > max_input_octets) return invalid("the domain is too long");
  auto canonical = text.front() == '[' ? canonical_literal(text) : canonical_name(text);
  if (!canonical) return failure(std::move(canonical).error());
  return Domain(*std::move(canonical));
}

std::optional<IpAddress> Domain::literal_address() const {
  if (!is_literal()) return std::nullopt;
  const auto inside = std::string_view(text_).substr(1, text_.size() - 2);
  return IpAddress::parse(inside.starts_with("IPv6:") ? inside.substr(5) : inside);
}

std::string Domain::to_unicode() const {
  if (!text_.contains("xn--")) return text_;
  char* raw = nullptr;
  const int outcome = idn2_to_unicode_8z8z(text_.c_str(), &raw, 0);
  const IdnText unicode{raw};
  if (outcome != IDN2_OK || !unicode) return text_;
  const auto back = parse(unicode.get());  // a fake A-label decodes to something that is no name
  return back && *back == *this ? std::string(unicode.get()) : text_;
}

}  // namespace posthorn::mail
