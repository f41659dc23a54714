#include "base/time.hpp"

#include <fmt/core.h>

#include <array>
#include <string_view>
#include <utility>

namespace posthorn {
namespace {

std::string date_and_time(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time.time_since_epoch());
  const std::chrono::year_month_day date{std::chrono::sys_days{day}};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time.time_since_epoch() - day)};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace

std::string to_rfc3339(WallTime time) { return date_and_time(time) + "Z"; }

std::string to_rfc3339_micros(WallTime time) {
  const auto since = time.time_since_epoch();
  const auto micros = since - std::chrono::floor<std::chrono::seconds>(since);
  return fmt::format("{}.{:06}Z", date_and_time(time), micros.count());
}

std::string to_text(Duration duration) {
  static constexpr std::array<std::pair<std::int64_t, std::string_view>, 4> units{
      {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}}};
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  std::string text;
  for (const auto& [size, name] : units) {
    if (seconds < size) continue;
    text += fmt::format("{}{}", seconds / size, name);
    seconds %= size;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace posthorn
