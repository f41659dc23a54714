#include "mail/user_name.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "mail/domain.hpp"
#include "mail/invalid.hpp"
#include "mail/unicode.hpp"

#include <algorithm>

namespace posthorn::mail {
namespace {

constexpr std::string_view marks = "._-+=&'%~!";

bool has_only_word_characters(std::string_view text) {
  while (!text.empty()) {
    const auto point = utf8::first_of(text);
    if (!point) return false;
    const bool is_ascii = point->octets == 1;
    const bool is_plain = is_ascii && (ascii::is_letter_or_digit(text.front()) || marks.contains(text.front()));
    if (!is_plain && (is_ascii || !is_word_character(point->value))) return false;
    text.remove_prefix(point->octets);
  }
  return true;
}

/// The local part of a name, in its canonical form.
Result<std::string> parse_local_part(std::string_view text) {
  if (text.empty()) return invalid("a user's name must not be empty");
  if (text.size() > UserName::max_local_octets) return invalid("a user's name has at most 64 octets");
  auto name = canonical_local_part(text);
  if (name.size() > UserName::max_local_octets) return invalid("a user's name has at most 64 octets");
  if (!has_only_word_characters(name)) {
    return invalid("a user's name is made of letters, digits and . _ - + = & ' % ~ !");
  }
  if (name.starts_with('.') || name.ends_with('.') || name.contains("..")) {
    return invalid("a dot in a user's name is neither first, last nor doubled");
  }
  if (name.starts_with('-') || name.starts_with('~')) return invalid("a user's name starts with a letter or digit");
  return name;
}

}  // namespace

std::string canonical_local_part(std::string_view local_part) { return to_lower_nfc(local_part); }

Result<UserName> UserName::parse(std::string_view text) {
  const auto at = text.find('@');
  auto local = parse_local_part(text.substr(0, at));
  if (!local) return failure(std::move(local.error()));
  if (at == std::string_view::npos) return UserName(std::move(*local));
  const auto domain = Domain::parse(text.substr(at + 1));
  if (!domain) return failure(domain.error());
  if (domain->is_literal()) return invalid("a user's domain is a name");
  auto whole = *local + "@" + domain->text();
  if (whole.size() > max_octets) return invalid("a user's name with its domain has at most 254 octets");
  return UserName(std::move(whole));
}

}  // namespace posthorn::mail
