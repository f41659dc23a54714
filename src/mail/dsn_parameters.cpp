#include "mail/dsn_parameters.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "mail/header_lexer.hpp"
#include "mail/invalid.hpp"
#include "mail/unicode.hpp"

#include <algorithm>

namespace posthorn::mail {
namespace {

constexpr std::string_view utf8_type = "utf-8";

bool is_printable_text(std::string_view text) { return std::ranges::all_of(text, ascii::is_printable); }

bool add_event(Notify& notify, std::string_view word) {
  if (ascii::same_word(word, "SUCCESS")) return notify.success = true;
  if (ascii::same_word(word, "FAILURE")) return notify.failure = true;
  if (ascii::same_word(word, "DELAY")) return notify.delay = true;
  return false;
}

}  // namespace

Result<Notify> parse_notify(std::string_view value) {
  Notify notify;
  if (ascii::same_word(value, "NEVER")) {
    notify.never = true;
    return notify;
  }
  while (true) {
    const auto comma = value.find(',');
    if (!add_event(notify, value.substr(0, comma)))
      return invalid("NOTIFY has a word that is unknown or must stand alone");
    if (comma == std::string_view::npos) return notify;
    value.remove_prefix(comma + 1);
  }
}

std::string notify_value(const Notify& notify) {
  ensure(notify.is_given(), "there is a NOTIFY value to write");
  if (notify.never) return "NEVER";
  std::string value;
  if (notify.success) value += ",SUCCESS";
  if (notify.failure) value += ",FAILURE";
  if (notify.delay) value += ",DELAY";
  return value.substr(1);
}

Result<ReturnContent> parse_return_content(std::string_view value) {
  if (ascii::same_word(value, "FULL")) return ReturnContent::full;
  if (ascii::same_word(value, "HDRS")) return ReturnContent::headers;
  return invalid("RET is neither FULL nor HDRS");
}

std::string_view return_content_value(ReturnContent content) {
  ensure(content != ReturnContent::unspecified, "there is a RET value to write");
  return content == ReturnContent::full ? "FULL" : "HDRS";
}

Result<std::string> parse_envelope_id(std::string_view value) {
  if (value.size() > max_envelope_id_octets) return invalid("ENVID is too long");
  auto id = decode_xtext(value);
  if (!id || id->empty()) return invalid("ENVID is not xtext");
  if (!is_printable_text(*id)) return invalid("ENVID holds a character that is not printable");
  return *std::move(id);
}

std::string envelope_id_value(std::string_view envelope_id) { return encode_xtext(envelope_id); }

Result<OriginalRecipient> parse_original_recipient(std::string_view value) {
  if (value.size() > max_original_recipient_octets) return invalid("ORCPT is too long");
  const auto semicolon = value.find(';');
  const auto type = value.substr(0, semicolon);
  const auto is_type_character = [](char c) { return ascii::is_ascii(c) && is_atext(c); };
  if (semicolon == std::string_view::npos || type.empty() || !std::ranges::all_of(type, is_type_character)) {
    return invalid("ORCPT has no address type");
  }
  const bool is_utf8 = ascii::same_word(type, utf8_type);
  const auto encoded = value.substr(semicolon + 1);
  auto address = is_utf8 ? decode_unitext(encoded) : decode_xtext(encoded);
  if (!address || address->empty()) return invalid("ORCPT is not encoded as its address type asks");
  if (is_utf8 ? has_control_character(*address) : !is_printable_text(*address)) {
    return invalid("ORCPT holds a character that is not printable");
  }
  return OriginalRecipient{ascii::lower(type), *std::move(address)};
}

std::string original_recipient_value(const OriginalRecipient& original, UnitextForm form) {
  const auto encoded =
      original.type == utf8_type ? encode_unitext(original.address, form) : encode_xtext(original.address);
  return original.type + ';' + encoded;
}

OriginalRecipient original_recipient_of(const Address& address) {
  return {std::string(address.needs_smtputf8() ? utf8_type : "rfc822"), address.to_string()};
}

}  // namespace posthorn::mail
