// UserName: the name of a local user, which is also the name of the user's mailbox folder. Only the parser makes one, so
// that no other text can become a path: no "/", no control character, no leading dot or dash, at most 64 octets of local
// part, in one canonical form (lower case, Unicode NFC), so that one user has one folder whatever the sender's spelling.
#pragma once

#include "base/result.hpp"

#include <compare>
#include <functional>
#include <string>
#include <string_view>

namespace posthorn::mail {

/// A local part as we compare our own: lower case and NFC (RFC 6530 §10.1). Not a path, not an address.
[[nodiscard]] std::string canonical_local_part(std::string_view local_part);

class UserName {
 public:
  /// RFC 5321 §4.5.3.1.1: a local part has at most 64 octets.
  static constexpr std::size_t max_local_octets = 64;
  /// As a whole: what may be the name of a folder and an address.
  static constexpr std::size_t max_octets = 254;

  /// Reads "alice", or "alice@example.net" for a user of that one domain. Letters, digits and the marks of words in any
  /// script, and ". _ - + = & ' % ~ !"; dots neither first, last nor doubled.
  /// Error: `invalid`, its text says why and repeats nothing of the input.
  [[nodiscard]] static Result<UserName> parse(std::string_view text);

  /// The canonical form; safe as the name of a folder.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string_view local_part() const { return std::string_view(text_).substr(0, text_.find('@')); }
  /// Empty for a user of every domain.
  [[nodiscard]] std::string_view domain() const {
    const auto at = text_.find('@');
    return at == std::string::npos ? std::string_view{} : std::string_view(text_).substr(at + 1);
  }

  auto operator<=>(const UserName&) const = default;

 private:
  explicit UserName(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace posthorn::mail

template <>
struct std::hash<posthorn::mail::UserName> {
  std::size_t operator()(const posthorn::mail::UserName& name) const noexcept {
    return std::hash<std::string>{}(name.text());
  }
};
