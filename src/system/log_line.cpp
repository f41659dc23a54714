#include "system/log_line.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <variant>

namespace posthorn::system {
namespace {

/// A name that is none of ours becomes "?": names are literals, but the records come over a socket.
std::string_view checked_name(std::string_view name) {
  const bool is_name = !name.empty() && std::ranges::all_of(name, [](char c) {
    return ascii::is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
  });
  return is_name ? name : "?";
}

void append_quoted(std::string& line, std::string_view clean) {
  line += '"';
  for (const char c : clean) {
    if (c == '"' || c == '\\') line += '\\';
    line += c;
  }
  line += '"';
}

/// Text that could be taken for two fields, or for none, stands in quotes.
bool needs_quotes(std::string_view clean) {
  return clean.empty() || std::ranges::any_of(clean, [](char c) { return c == ' ' || c == '"' || c == '='; });
}

struct TextValue {
  std::string& line;
  void operator()(const std::string& text) const {
    const LogText clean{text};
    if (needs_quotes(clean.text())) {
      append_quoted(line, clean.text());
    } else {
      line += clean.text();
    }
  }
  void operator()(std::int64_t number) const { line += std::to_string(number); }
  void operator()(bool claim) const { line += claim ? "yes" : "no"; }
};

struct JsonValue {
  std::string& line;
  void operator()(const std::string& text) const { append_quoted(line, LogText{text}.text()); }
  void operator()(std::int64_t number) const { line += std::to_string(number); }
  void operator()(bool claim) const { line += claim ? "true" : "false"; }
};

std::string render_text(WallTime time, const world::LogRecord& record) {
  auto line = fmt::format("{} {} {}", to_rfc3339_micros(time), to_text(record.level), checked_name(record.event));
  for (const auto& field : record.fields) {
    line += ' ';
    line += checked_name(field.name);
    line += '=';
    std::visit(TextValue{line}, field.value);
  }
  return line;
}

std::string render_json(WallTime time, const world::LogRecord& record) {
  static constexpr std::array<std::string_view, 3> reserved{"time", "level", "event"};
  static constexpr std::array<std::string_view, 2> always_there{"session", "message"};
  auto line = fmt::format(R"({{"time":"{}","level":"{}","event":"{}")", to_rfc3339_micros(time), to_text(record.level),
                          checked_name(record.event));
  for (const auto& field : record.fields) {
    const auto name = checked_name(field.name);
    line += ",\"";
    line += name;
    if (std::ranges::find(reserved, name) != reserved.end()) line += '_';
    line += "\":";
    std::visit(JsonValue{line}, field.value);
  }
  for (const auto name : always_there) {
    if (std::ranges::find(record.fields, name, &world::LogField::name) != record.fields.end()) continue;
    line += fmt::format(R"(,"{}":null)", name);
  }
  line += '}';
  return line;
}

}  // namespace

std::string_view to_text(world::LogLevel level) {
  switch (level) {
    case world::LogLevel::error:
      return "error";
    case world::LogLevel::warning:
      return "warning";
    case world::LogLevel::info:
      return "info";
    case world::LogLevel::debug:
      return "debug";
  }
  return "error";
}

std::string render(WallTime time, const world::LogRecord& record, LogFormat format) {
  switch (format) {
    case LogFormat::text:
      return render_text(time, record);
    case LogFormat::json:
      return render_json(time, record);
  }
  return {};
}

}  // namespace posthorn::system
