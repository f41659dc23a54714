#include "proof/traced_log.hpp"

#include <fmt/core.h>

#include <iterator>

namespace posthorn::proof {

void TracedLog::write(world::LogRecord record) {
  if (disk_.power_is_off()) return;
  fields_.clear();
  for (const auto& field : record.fields) {
    fields_.append(field.name).append(1, '=');
    if (const auto* text = std::get_if<std::string>(&field.value)) fields_ += *text;
    if (const auto* number = std::get_if<std::int64_t>(&field.value))
      fmt::format_to(std::back_inserter(fields_), "{}", *number);
    if (const auto* claim = std::get_if<bool>(&field.value)) fields_ += *claim ? "true" : "false";
    fields_ += ' ';
  }
  trace_.note("server", record.event, fields_, {});
  reader_(record);
}

}  // namespace posthorn::proof
