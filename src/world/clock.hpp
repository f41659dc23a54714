// Where time is read. The only source of it: nothing else in the program may ask the system (tools/check_layers.py).
#pragma once

#include "base/time.hpp"

namespace posthorn::world {

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Runs evenly, also when the calendar is set. Any thread.
  [[nodiscard]] virtual MonotonicTime now() const = 0;
  /// The calendar. May jump either way. Any thread.
  [[nodiscard]] virtual WallTime wall() const = 0;
};

}  // namespace posthorn::world
