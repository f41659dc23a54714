// The date-time of header fields (RFC 5322 §3.3): written with a numeric zone always, read with the obsolete forms of
// §4.3 too (two-digit years, named zones, comments, no day name).
#pragma once

#include "base/time.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::mail {

/// A moment and the offset from UTC it is told in.
struct DateTime {
  WallTime time;  ///< whole seconds
  std::chrono::minutes zone{0};

  bool operator==(const DateTime&) const = default;
};

/// "Sat, 21 Nov 2026 01:23:45 +0000". `zone` is the offset from UTC, at most 99 h 59 min either way. Times outside the
/// years 1900 to 9999, which the grammar cannot say, are told as the nearest it can.
[[nodiscard]] std::string to_date_time(WallTime time, std::chrono::minutes zone = std::chrono::minutes{0});

/// Reads a date-time; none if it is not one or names a day that does not exist. The day name is not compared with the date.
[[nodiscard]] std::optional<DateTime> parse_date_time(std::string_view text);

}  // namespace posthorn::mail
