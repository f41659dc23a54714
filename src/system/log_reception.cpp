#include "system/log_reception.hpp"

#include <utility>
#include <variant>

namespace posthorn::system {

LogReception::LogReception(LogSink main, LogFormat format, const world::Clock& clock,
                           std::vector<std::optional<LogSink>> journals)
    : place_of_{0}, format_(format), clock_(clock) {
  open_.push_back({std::move(main)});
  for (auto& sink : journals) {
    place_of_.push_back(sink ? open_.size() : 0);
    if (sink) open_.push_back({std::move(*sink)});
  }
}

LogReception::Journal& LogReception::journal(JournalNumber number) {
  return open_[number < place_of_.size() ? place_of_[number] : 0];
}

void LogReception::take_packet(std::string_view packet) {
  LogPacketReader reader{packet};
  while (const auto message = reader.next()) take(*message);
  if (reader.failed()) ++unreadable_packets_;
  flush();
  report();
}

void LogReception::take(const LogMessage& message) {
  if (const auto* event = std::get_if<LogEvent>(&message)) {
    add(journal(event->journal), event->time, event->record);
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
  for (auto& each : open_) {
    const auto opened = each.sink.reopen();
    if (!opened) add(each, "log.reopen_failed", {{"error", opened.error().text}});
  }
}

void LogReception::add(Journal& to, WallTime time, const world::LogRecord& record) const {
  to.lines += render(time, record, format_);
  to.lines += '\n';
}

void LogReception::add(Journal& to, std::string_view event, std::vector<world::LogField> fields) const {
  add(to, clock_.wall(), {world::LogLevel::warning, event, std::move(fields)});
}

void LogReception::flush() {
  for (auto& each : open_) {
    if (each.lines.empty()) continue;
    each.sink.write(each.lines);
    each.lines.clear();
  }
}

void LogReception::report() {
  for (auto& each : open_) report_lost(each);
  report_unreadable();
}

/// Where even the report did not fit, it is made again with the next packet.
void LogReception::report_lost(Journal& of) const {
  of.lost_lines += of.sink.take_lost();
  if (of.lost_lines == 0) return;
  add(of, "log.lost", {{"lines", of.lost_lines}, {"error", of.sink.why_lost()}});
  of.sink.write(std::exchange(of.lines, {}));
  if (of.sink.take_lost() == 0) of.lost_lines = 0;
}

void LogReception::report_unreadable() {
  if (unreadable_packets_ == 0) return;
  auto& main = open_.front();
  add(main, "log.unreadable", {{"packets", unreadable_packets_}});
  main.sink.write(std::exchange(main.lines, {}));
  if (main.sink.take_lost() == 0) unreadable_packets_ = 0;
}

}  // namespace posthorn::system
