// Where chance comes from. The real one is the kernel's generator (fit for secrets), the simulated one a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace posthorn::world {

class Random {
 public:
  Random() = default;
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;
  virtual ~Random() = default;

  /// Fills the bytes. Any thread.
  virtual void fill(std::span<std::byte> bytes) = 0;

  [[nodiscard]] std::uint64_t next() {
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span{&value, 1}));
    return value;
  }

  /// Evenly from 0 to `bound` - 1; `bound` is at least 1. (Multiply and shift: the bias is below 2^-32 for small bounds.)
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(Wide{next()} * bound >> 64);
  }
};

}  // namespace posthorn::world
