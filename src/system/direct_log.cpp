#include "system/direct_log.hpp"

#include <cstdio>
#include <string>

namespace posthorn::system {

void DirectLog::write(world::LogRecord record) {
  if (!takes(record.level)) return;
  const auto line = render(clock_.wall(), record, format_) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace posthorn::system
