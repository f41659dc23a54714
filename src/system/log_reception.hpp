// LogReception: what the log process does with a packet, apart from the process: decodes, renders, writes each line to the file
// it is for, reports what was lost and what could not be read.
#pragma once

#include "system/log_sink.hpp"
#include "system/log_wire.hpp"
#include "world/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::system {

class LogReception {
 public:
  /// `journals`: of the numbers from 1 on; lines for one that is not there go to the main one.
  LogReception(LogSink main, LogFormat format, const world::Clock& clock,
               std::vector<std::optional<LogSink>> journals = {});

  void take_packet(std::string_view packet);
  void reopen();
  /// Reports what is still to be reported.
  void finish() { report(); }

 private:
  struct Journal {
    LogSink sink;
    std::string lines{};
    std::uint64_t lost_lines = 0;
  };

  [[nodiscard]] Journal& journal(JournalNumber number);
  void take(const LogMessage& message);
  void add(Journal& to, WallTime time, const world::LogRecord& record) const;
  void add(Journal& to, std::string_view event, std::vector<world::LogField> fields) const;
  void flush();
  void report();
  void report_lost(Journal& of) const;
  void report_unreadable();

  std::vector<Journal> open_;          // the main one first
  std::vector<std::size_t> place_of_;  // by number, in open_
  LogFormat format_;
  const world::Clock& clock_;
  std::uint64_t unreadable_packets_ = 0;
};

}  // namespace posthorn::system
