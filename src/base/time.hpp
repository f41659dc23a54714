// Time as types. MonotonicTime runs evenly from an unknown start and drives every deadline; WallTime is the calendar's,
// may jump, and is only for text and for what survives a restart. Neither can be read here: see world/clock.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace posthorn {

using Duration = std::chrono::nanoseconds;

struct MonotonicClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicClock, duration>;
  static constexpr bool is_steady = true;
};

struct WallClock {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = std::chrono::microseconds;
  using time_point = std::chrono::time_point<WallClock, duration>;  // since 1970-01-01T00:00:00Z
  static constexpr bool is_steady = false;
};

using MonotonicTime = MonotonicClock::time_point;
using WallTime = WallClock::time_point;

/// A deadline that never comes. Only for waits that something else bounds.
inline constexpr MonotonicTime never = MonotonicTime::max();

/// `start + wait` without overflow: `never` stays `never`.
[[nodiscard]] constexpr MonotonicTime after(MonotonicTime start, Duration wait) {
  return never - start < wait ? never : start + wait;
}

/// RFC 3339 in UTC with whole seconds ("2026-11-21T01:23:45Z"), or with microseconds.
[[nodiscard]] std::string to_rfc3339(WallTime time);
[[nodiscard]] std::string to_rfc3339_micros(WallTime time);

/// "30s", "20m", "5d", "1h30m": how people write a length of time. Whole seconds; "0s" for less.
[[nodiscard]] std::string to_text(Duration duration);

}  // namespace posthorn
