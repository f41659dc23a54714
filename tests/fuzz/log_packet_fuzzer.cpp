// A packet that the log process receives: whatever its octets are, each event that is read becomes one line, and in JSON a
// valid object.
#include "base/assert.hpp"
#include "system/log_line.hpp"
#include "system/log_wire.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace posthorn;
  const std::string bytes{data, data + size};
  system::LogPacketReader reader{bytes};
  while (const auto message = reader.next()) {
    const auto* event = std::get_if<system::LogEvent>(&*message);
    if (event == nullptr) continue;
    const auto json = system::render(event->time, event->record, system::LogFormat::json);
    ensure(nlohmann::json::accept(json), "a line in JSON is valid");
    const auto text = system::render(event->time, event->record, system::LogFormat::text);
    ensure(text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos, "a line is one line");
  }
  return 0;
}
