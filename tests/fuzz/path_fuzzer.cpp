// Paths from any text: what is read stands in the text between angle brackets, and what follows is left alone.
#include "base/assert.hpp"
#include "mail/path.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  Scanner scanner(text);
  const auto path = mail::take_path(scanner);
  if (!path) return 0;
  const auto taken = scanner.since(0);
  ensure(taken.starts_with('<') && taken.ends_with('>'), "a path ends where its bracket does");
  ensure(mail::parse_path(taken) == *path, "a path does not depend on what follows it");
  ensure(mail::parse_path(text).has_value() == scanner.at_end(), "a whole text is a path and nothing more");
  if (const auto* address = std::get_if<mail::Address>(&*path)) {
    ensure(mail::parse_path('<' + address->to_string() + '>') == *path, "a path comes back without its route");
  }
  return 0;
}
