// Chance: how a plan draws what it decides, from a seed.
#pragma once

#include "base/time.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace posthorn::proof {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  /// Every class of faults and every feature is there in half of the runs.
  [[nodiscard]] bool half() { return random_.chance(50); }
  /// True so many times in a hundred.
  [[nodiscard]] bool percent(unsigned times) { return random_.chance(times); }
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  [[nodiscard]] std::uint64_t next() { return random_.next(); }

  /// Both ends included.
  [[nodiscard]] std::uint64_t between(std::uint64_t least, std::uint64_t most) { return random_.between(least, most); }
  [[nodiscard]] Duration between(Duration least, Duration most) {
    return Duration{static_cast<std::int64_t>(
        random_.between(static_cast<std::uint64_t>(least.count()), static_cast<std::uint64_t>(most.count())))};
  }

  /// Small numbers as likely as large ones: evenly in the logarithm.
  [[nodiscard]] std::uint64_t log_uniform(std::uint64_t least, std::uint64_t most) {
    const auto bits_least = static_cast<unsigned>(std::bit_width(least)) - 1U;
    const auto bits_most = static_cast<unsigned>(std::bit_width(most)) - 1U;
    const auto bits = random_.between(bits_least, bits_most);
    return std::clamp(random_.between(1ULL << bits, (2ULL << bits) - 1), least, most);
  }

  template <class T, std::size_t Count>
  [[nodiscard]] T one_of(const std::array<T, Count>& choices) {
    return choices.at(random_.below(Count));
  }

 private:
  sim::Random random_;
};

}  // namespace posthorn::proof
