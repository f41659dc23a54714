// Domain: the part of a mailbox after the "@", or the name of a host, in one canonical form: lower case, A-labels
// (RFC 5890 §2.3.2.1), no trailing dot; or an address literal, "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3).
// Only the parser makes one. The text holds no control character, no space, no "/", and never starts with a dot, so it
// may name a folder. It says nothing about whether the name exists.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::mail {

class Domain {
 public:
  /// Reads a name (ASCII or, RFC 6531, UTF-8) or an address literal. Error: `invalid`, its text says why and repeats
  /// nothing of the input.
  [[nodiscard]] static Result<Domain> parse(std::string_view text);

  /// The canonical form.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_literal() const { return text_.front() == '['; }
  /// The address in a literal.
  [[nodiscard]] std::optional<IpAddress> literal_address() const;
  /// With U-labels, for people to read; the canonical form where that is not possible.
  [[nodiscard]] std::string to_unicode() const;

  auto operator<=>(const Domain&) const = default;

 private:
  explicit Domain(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace posthorn::mail

template <>
struct std::hash<posthorn::mail::Domain> {
  std::size_t operator()(const posthorn::mail::Domain& domain) const noexcept {
    return std::hash<std::string>{}(domain.text());
  }
};
