// The header reader on any text: the fields and the body put together are the text again.
#include "base/assert.hpp"
#include "mail/header_field.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  mail::HeaderReader reader(text);
  std::string together;
  while (const auto field = reader.next()) {
    ensure(!field->raw.empty(), "a field takes something");
    ensure(field->name.empty() || field->raw.starts_with(field->name), "a field starts with its name");
    ensure(field->name.find_first_of(" \t\r\n:") == std::string_view::npos, "a name is a word");
    const auto value = mail::unfolded(field->value);
    ensure(value.find_first_of("\r\n") == std::string::npos, "an unfolded value is one line");
    together += field->raw;
  }
  const auto separator = text.size() - together.size() - reader.body().size();
  ensure(separator <= 2, "only the empty line is left out");
  ensure(text.starts_with(together) && text.ends_with(reader.body()), "nothing else is lost");
  ensure(!reader.next(), "the end stays the end");
  return 0;
}
