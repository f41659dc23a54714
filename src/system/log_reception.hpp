// LogReception: what the log process does with a packet, apart from the process: decodes, renders, writes, reports what was
// lost and what could not be read.
#pragma once

#include "system/log_sink.hpp"
#include "system/log_wire.hpp"
#include "world/clock.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::system {

class LogReception {
 public:
  LogReception(LogSink sink, LogFormat format, const world::Clock& clock);

  void take_packet(std::string_view packet);
  void reopen();
  /// Reports what is still to be reported.
  void finish() { report(); }

 private:
  void take(const LogMessage& message);
  void add(WallTime time, const world::LogRecord& record);
  void add(std::string_view event, std::vector<world::LogField> fields);
  void flush();
  void report();

  LogSink sink_;
  LogFormat format_;
  const world::Clock& clock_;
  std::string lines_;
  std::uint64_t unreadable_packets_ = 0;
  std::uint64_t lost_lines_ = 0;
};

}  // namespace posthorn::system
