// Addresses and domains from any text: refused, or a value that keeps its promises and comes back from its own text.
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "mail/address.hpp"
#include "mail/unicode.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

namespace {

void check_domain(const std::string& text) {
  const auto domain = mail::Domain::parse(text);
  if (!domain) return;
  ensure(utf8::is_ascii(domain->text()) && !mail::has_control_character(domain->text()), "a domain is plain ASCII");
  ensure(domain->text().find_first_of(" /\\@<>\"") == std::string::npos, "a domain holds no mark");
  ensure(!domain->text().starts_with('.') && domain->text().size() <= 253, "a domain may name a folder");
  ensure(mail::Domain::parse(domain->text()) == *domain, "the canonical form is a fixed point");
  ensure(domain->is_literal() == domain->literal_address().has_value(), "a literal has its address");
  ensure(mail::Domain::parse(domain->to_unicode()) == *domain, "U-labels name the same domain");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  check_domain(text);
  const auto address = mail::Address::parse(text);
  if (!address) {
    ensure(address.error().kind == Error::Kind::invalid && !address.error().text.empty(), "a refusal says why");
    return 0;
  }
  const auto written = address->to_string();
  ensure(written.size() <= mail::Address::max_octets, "an address is short enough to be sent");
  ensure(utf8::is_valid(written) && !mail::has_control_character(written), "an address has no control character");
  const auto again = mail::Address::parse(written);
  ensure(again && *again == *address && again->to_string() == written, "an address comes back from its text");
  ensure(again->fingerprint() == address->fingerprint(), "equal addresses have equal fingerprints");
  ensure(mail::Address::parse(address->to_unicode()) == *address, "and from the text that people read");
  ensure(address->needs_smtputf8() == !utf8::is_ascii(written), "only the local part may need SMTPUTF8");
  return 0;
}
