// What goes from the engine to the log process: packets of records in octets, lengths first (base/byte_writer). The
// reader takes the sender for hostile: every count and length has a limit, and a packet that breaks one is dropped.
#pragma once

#include "base/byte_reader.hpp"
#include "base/time.hpp"
#include "system/log_line.hpp"
#include "world/log.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace posthorn::system {

struct LogWireLimits {
  static constexpr std::size_t packet = 60'000;       ///< octets; a packet holds whole records
  static constexpr std::size_t name = 64;             ///< octets of an event's or a field's name
  static constexpr std::size_t text = 4'000;          ///< octets of a field's text; the writer cuts longer ones
  static constexpr std::size_t fields = 32;           ///< of a record; the writer leaves later ones out
  static constexpr std::size_t record_text = 30'000;  ///< octets of all texts of one record together
};

/// Which file a line goes to: the server's log, or, from 1 on, one of LogProcessSettings::journals.
using JournalNumber = std::uint16_t;
constexpr JournalNumber main_journal = 0;

struct LogEvent {
  WallTime time;
  JournalNumber journal = main_journal;  ///< as the sender says: there may be no such file
  world::LogRecord record;               ///< its names point into the packet
};
struct ChangeLogFormat {
  LogFormat format = LogFormat::text;
};
/// The files may have been moved away: open them by their names again.
struct ReopenLog {};

using LogMessage = std::variant<LogEvent, ChangeLogFormat, ReopenLog>;

/// At most LogWireLimits::packet octets.
[[nodiscard]] std::string encode(WallTime time, const world::LogRecord& record, JournalNumber journal = main_journal);
[[nodiscard]] std::string encode(ChangeLogFormat message);
[[nodiscard]] std::string encode(ReopenLog message);

/// Cuts as many whole messages as go into one packet off the front.
[[nodiscard]] std::string_view next_packet(std::string_view messages);

/// Reads the messages of one packet, one after another.
class LogPacketReader {
 public:
  explicit LogPacketReader(std::string_view packet) : reader_(packet) {}

  /// Empty at the end of the packet, and from the first fault on.
  [[nodiscard]] std::optional<LogMessage> next();
  [[nodiscard]] bool failed() const { return reader_.failed(); }

 private:
  ByteReader reader_;
};

}  // namespace posthorn::system
