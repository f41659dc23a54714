#include "proof/traced_log.hpp"

#include <fmt/core.h>

#include <iterator>

namespace posthorn::proof {

void TracedLog::write(world::LogRecord record) {
  std::string fields;
  for (const auto& field : record.fields) {
    fmt::format_to(std::back_inserter(fields), "{}=", field.name);
    if (const auto* text = std::get_if<std::string>(&field.value)) fields += *text;
    if (const auto* number = std::get_if<std::int64_t>(&field.value))
      fmt::format_to(std::back_inserter(fields), "{}", *number);
    if (const auto* claim = std::get_if<bool>(&field.value)) fields += *claim ? "true" : "false";
    fields += ' ';
  }
  trace_.note("server", record.event, fields, {});
  reader_(record);
  const auto found = counts_.find(record.event);
  if (found != counts_.end()) {
    ++found->second;
  } else {
    counts_.emplace(record.event, 1);
  }
}

std::uint64_t TracedLog::count(std::string_view event) const {
  const auto found = counts_.find(event);
  return found == counts_.end() ? 0 : found->second;
}

}  // namespace posthorn::proof
