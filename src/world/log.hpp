// The log as its writers see it: one record per event, with named fields; never a format string with text from outside.
// Writing never waits (FAULTS F17): the real log hands the record to a bounded queue towards the log process and counts
// what did not fit. Rendering (text or JSON, cleaning of control characters) happens there.
#pragma once

#include "base/message_id.hpp"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace posthorn::world {

enum class LogLevel : std::uint8_t { error, warning, info, debug };

struct LogField {
  std::string_view name;  ///< a literal
  std::variant<std::string, std::int64_t, bool> value;

  LogField(std::string_view field, std::string_view text) : name(field), value(std::string(text)) {}
  LogField(std::string_view field, const char* text) : name(field), value(std::string(text)) {}
  LogField(std::string_view field, std::string text) : name(field), value(std::move(text)) {}
  LogField(std::string_view field, MessageId id) : name(field), value(id.to_string()) {}
  LogField(std::string_view field, bool claim) : name(field), value(claim) {}
  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  LogField(std::string_view field, Number number) : name(field), value(static_cast<std::int64_t>(number)) {}
};

/// {"level", "event", fields…}: "event" is a dotted word that programs match ("message.accepted"); the usual fields are
/// "session", "message" (a MessageId), "from", "to", "peer", "reply", "error", "what_to_do".
struct LogRecord {
  LogLevel level = LogLevel::info;
  std::string_view event;  ///< a literal
  std::vector<LogField> fields;
};

class Log {
 public:
  Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  virtual ~Log() = default;

  /// Any thread. Never waits, never fails.
  virtual void write(LogRecord record) = 0;
  /// Whether records of this level go anywhere: ask before building a costly one.
  [[nodiscard]] virtual bool takes(LogLevel level) const = 0;

  void error(std::string_view event, std::vector<LogField> fields) { put(LogLevel::error, event, std::move(fields)); }
  void warning(std::string_view event, std::vector<LogField> fields) {
    put(LogLevel::warning, event, std::move(fields));
  }
  void info(std::string_view event, std::vector<LogField> fields) { put(LogLevel::info, event, std::move(fields)); }
  void debug(std::string_view event, std::vector<LogField> fields) { put(LogLevel::debug, event, std::move(fields)); }

 private:
  void put(LogLevel level, std::string_view event, std::vector<LogField> fields) {
    if (takes(level)) write({level, event, std::move(fields)});
  }
};

}  // namespace posthorn::world
