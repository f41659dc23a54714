#include "system/log_wire.hpp"

#include "base/byte_writer.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace posthorn::system {
namespace {

using world::LogField;
using world::LogLevel;

enum class MessageType : std::uint8_t { event, change_format, reopen };
enum class ValueType : std::uint8_t { text, number, claim };

/// Each message: its octets after these four, then its type.
constexpr std::size_t header_size = sizeof(std::uint32_t);

ByteWriter begin(MessageType type) {
  ByteWriter writer;
  writer.put(std::uint32_t{0});
  writer.put(static_cast<std::uint8_t>(type));
  return writer;
}

std::string finish(ByteWriter writer) {
  writer.overwrite(0, static_cast<std::uint32_t>(writer.size() - header_size));
  return writer.take();
}

struct ValueWriter {
  ByteWriter& writer;
  std::size_t& room;  ///< octets of text that this record may still hold

  void operator()(const std::string& text) const {
    const auto cut = utf8::prefix(text, std::min(room, LogWireLimits::text));
    room -= cut.size();
    writer.put(static_cast<std::uint8_t>(ValueType::text));
    writer.put_text(cut);
  }
  void operator()(std::int64_t number) const {
    writer.put(static_cast<std::uint8_t>(ValueType::number));
    writer.put(number);
  }
  void operator()(bool claim) const {
    writer.put(static_cast<std::uint8_t>(ValueType::claim));
    writer.put_flag(claim);
  }
};

std::variant<std::string, std::int64_t, bool> read_value(ByteReader& reader) {
  switch (reader.take_enum(ValueType::claim)) {
    case ValueType::text:
      return std::string{reader.take_text(LogWireLimits::text)};
    case ValueType::number:
      return reader.take_signed();
    case ValueType::claim:
      return reader.take_flag();
  }
  return false;
}

LogEvent read_event(ByteReader& reader) {
  LogEvent event;
  event.time = WallTime{std::chrono::microseconds{reader.take_signed()}};
  event.journal = reader.take<JournalNumber>();
  event.record.level = reader.take_enum(LogLevel::debug);
  event.record.event = reader.take_text(LogWireLimits::name);
  const auto count = reader.take<std::uint8_t>();
  if (count > LogWireLimits::fields) reader.fail();
  for (unsigned i = 0; i < count && !reader.failed(); ++i) {
    LogField field{reader.take_text(LogWireLimits::name), false};
    field.value = read_value(reader);
    event.record.fields.push_back(std::move(field));
  }
  return event;
}

LogMessage read_message(ByteReader& reader) {
  switch (reader.take_enum(MessageType::reopen)) {
    case MessageType::event:
      return read_event(reader);
    case MessageType::change_format:
      return ChangeLogFormat{reader.take_enum(LogFormat::json)};
    case MessageType::reopen:
      return ReopenLog{};
  }
  return ReopenLog{};
}

}  // namespace

std::string encode(WallTime time, const world::LogRecord& record, JournalNumber journal) {
  auto writer = begin(MessageType::event);
  writer.put(std::int64_t{time.time_since_epoch().count()});
  writer.put(journal);
  writer.put(static_cast<std::uint8_t>(record.level));
  writer.put_text(record.event.substr(0, LogWireLimits::name));
  const auto count = std::min(record.fields.size(), LogWireLimits::fields);
  writer.put(static_cast<std::uint8_t>(count));
  auto room = LogWireLimits::record_text;
  for (std::size_t i = 0; i < count; ++i) {
    writer.put_text(record.fields[i].name.substr(0, LogWireLimits::name));
    std::visit(ValueWriter{writer, room}, record.fields[i].value);
  }
  return finish(std::move(writer));
}

std::string encode(ChangeLogFormat message) {
  auto writer = begin(MessageType::change_format);
  writer.put(static_cast<std::uint8_t>(message.format));
  return finish(std::move(writer));
}

std::string encode(ReopenLog /*message*/) { return finish(begin(MessageType::reopen)); }

std::string_view next_packet(std::string_view messages) {
  std::size_t size = 0;
  while (messages.size() - size >= header_size) {
    const auto message = header_size + ByteReader{messages.substr(size)}.take<std::uint32_t>();
    if (size + message > LogWireLimits::packet) break;
    size += message;
  }
  return messages.substr(0, size);
}

std::optional<LogMessage> LogPacketReader::next() {
  if (reader_.failed() || reader_.at_end()) return std::nullopt;
  ByteReader body{reader_.take_text(LogWireLimits::packet)};
  if (reader_.failed()) return std::nullopt;
  auto message = read_message(body);
  if (!body.failed() && body.at_end()) return message;
  reader_.fail();
  return std::nullopt;
}

}  // namespace posthorn::system
