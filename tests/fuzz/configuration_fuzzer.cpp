// The configuration reader on any text: a configuration or faults, each of which is one clean line with a place in the text.
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "config/defaults.hpp"
#include "config/reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto configuration = config::read_configuration(text);
  if (configuration) {
    const auto whole = config::complete(*configuration, {.host_name = text, .may_bind_low_ports = false});
    ensure(!whole.hostname.empty() && !whole.domains.empty() && !whole.listeners.empty(), "a whole configuration");
    return 0;
  }
  ensure(!configuration.error().empty(), "a refusal says why");
  const auto lines = static_cast<unsigned>(std::ranges::count(text, '\n')) + 1;
  for (const auto& fault : configuration.error()) {
    const auto line = fault.to_string("f");
    ensure(utf8::is_valid(line) && !line.contains('\n') && !line.contains('\x1b'), "a fault is one clean line");
    ensure(fault.place.line <= lines, "a fault stands in the text");
  }
  return 0;
}
