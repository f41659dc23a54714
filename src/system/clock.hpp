// The real clock and the real source of chance: CLOCK_MONOTONIC, the calendar, getrandom(2). Any thread.
#pragma once

#include "world/clock.hpp"
#include "world/random.hpp"

#include <cstddef>
#include <span>

namespace posthorn::system {

class SystemClock final : public world::Clock {
 public:
  [[nodiscard]] MonotonicTime now() const override;
  [[nodiscard]] WallTime wall() const override;
};

/// Fit for secrets.
class KernelRandom final : public world::Random {
 public:
  void fill(std::span<std::byte> bytes) override;
};

}  // namespace posthorn::system
