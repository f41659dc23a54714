#include "system/clock.hpp"

#include "base/assert.hpp"
#include "system/system_error.hpp"

#include <sys/random.h>

#include <chrono>

namespace posthorn::system {

MonotonicTime SystemClock::now() const {
  return MonotonicTime{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

WallTime SystemClock::wall() const {
  return WallTime{std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())};
}

void KernelRandom::fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto got = uninterrupted([&] { return ::getrandom(bytes.data(), bytes.size(), 0); });
    ensure(got > 0, "the kernel gives random bytes");
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace posthorn::system
