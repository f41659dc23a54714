// Base64: any octets come back as they were; a text that decodes is the encoding of what it gave.
#include "base/assert.hpp"
#include "base/base64.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace posthorn;
  const std::string octets(data, data + size);
  ensure(base64::decode(base64::encode(octets)) == octets, "what was encoded is decoded");
  if (const auto decoded = base64::decode(octets))
    ensure(base64::encode(*decoded) == octets, "one text for each octets");
  return 0;
}
