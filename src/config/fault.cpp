#include "config/fault.hpp"

#include "base/clean_text.hpp"

#include <fmt/core.h>

namespace posthorn::config {

std::string Fault::to_string(std::string_view file) const {
  auto line = LogText(file).text();
  if (place.line != 0) line += fmt::format(":{}:{}", place.line, place.column);
  if (!key.empty()) line += ": " + key;
  return line + ": " + text;
}

}  // namespace posthorn::config
