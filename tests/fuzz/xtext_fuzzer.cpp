// The DSN parameters and their encodings: whatever can be read comes back from what is written of it.
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "mail/dsn_parameters.hpp"
#include "mail/unicode.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

namespace {

void check_encodings(const std::string& text) {
  ensure(mail::decode_xtext(mail::encode_xtext(text)) == text, "xtext carries every octet");
  if (!utf8::is_valid(text)) return;
  for (const auto form : {mail::UnitextForm::ascii, mail::UnitextForm::utf8}) {
    const auto encoded = mail::encode_unitext(text, form);
    ensure(mail::decode_unitext(encoded) == text, "unitext carries every code point");
    ensure(encoded.find_first_of(" =+\r\n") == std::string::npos, "it is one ESMTP value");
    ensure(form == mail::UnitextForm::utf8 || utf8::is_ascii(encoded), "in ASCII where it must be");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  check_encodings(text);
  if (const auto original = mail::parse_original_recipient(text)) {
    ensure(!mail::has_control_character(original->address), "an original recipient has no control character");
    const auto value = mail::original_recipient_value(*original, mail::UnitextForm::utf8);
    const bool fits = value.size() <= mail::max_original_recipient_octets;
    ensure(!fits || mail::parse_original_recipient(value) == *original, "ORCPT comes back");
  }
  if (const auto id = mail::parse_envelope_id(text)) {
    ensure(utf8::is_ascii(*id) && !mail::has_control_character(*id), "an envelope id is printable");
    ensure(mail::decode_xtext(mail::envelope_id_value(*id)) == *id, "ENVID comes back");
  }
  if (const auto notify = mail::parse_notify(text)) {
    ensure(mail::parse_notify(mail::notify_value(*notify)) == *notify, "NOTIFY comes back");
  }
  return 0;
}
