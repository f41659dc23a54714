#include "system/log_reception.hpp"

#include <utility>
#include <variant>

namespace posthorn::system {

LogReception::LogReception(LogSink sink, LogFormat format, const world::Clock& clock)
    : sink_(std::move(sink)), format_(format), clock_(clock) {}

void LogReception::take_packet(std::string_view packet) {
  LogPacketReader reader{packet};
  while (const auto message = reader.next()) take(*message);
  if (reader.failed()) ++unreadable_packets_;
  flush();
  report();
}

void LogReception::take(const LogMessage& message) {
  if (const auto* event = std::get_if<LogEvent>(&message)) {
    add(event->time, event->record);
    return;
  }
  flush();
  if (const auto* change = std::get_if<ChangeLogFormat>(&message)) {
    format_ = change->format;
  } else {
    reopen();
  }
}

void LogReception::reopen() {
  const auto opened = sink_.reopen();
  if (!opened) add("log.reopen_failed", {{"error", opened.error().text}});
}

void LogReception::add(WallTime time, const world::LogRecord& record) {
  lines_ += render(time, record, format_);
  lines_ += '\n';
}

void LogReception::add(std::string_view event, std::vector<world::LogField> fields) {
  add(clock_.wall(), {world::LogLevel::warning, event, std::move(fields)});
}

void LogReception::flush() {
  sink_.write(lines_);
  lines_.clear();
}

void LogReception::report() {
  lost_lines_ += sink_.take_lost();
  if (lost_lines_ == 0 && unreadable_packets_ == 0) return;
  const auto lost = std::exchange(lost_lines_, 0);
  const auto unreadable = std::exchange(unreadable_packets_, 0);
  if (lost > 0) add("log.lost", {{"lines", lost}, {"error", sink_.why_lost()}});
  if (unreadable > 0) add("log.unreadable", {{"packets", unreadable}});
  flush();
  // Where even the report did not fit, it is made again with the next packet.
  if (sink_.take_lost() == 0) return;
  lost_lines_ = lost;
  unreadable_packets_ = unreadable;
}

}  // namespace posthorn::system
