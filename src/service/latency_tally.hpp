// LatencyTally: waiting times by the million in constant memory: counted in classes a 64th apart, so that what it says of
// percentiles is right to 1.6 %. The longest is kept as it was.
#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace posthorn::service {

class LatencyTally {
 public:
  void add(Duration waited) {
    const auto nanoseconds = static_cast<std::uint64_t>(waited.count() < 0 ? 0 : waited.count());
    ++classes_.at(class_of(nanoseconds));
    ++count_;
    if (waited > longest_) longest_ = waited;
  }

  void add(const LatencyTally& other) {
    for (std::size_t at = 0; at < classes_.size(); ++at) classes_.at(at) += other.classes_.at(at);
    count_ += other.count_;
    if (other.longest_ > longest_) longest_ = other.longest_;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Duration longest() const { return longest_; }

  /// So long at most waited this share of all, from 0 to 1; zero when there were none.
  [[nodiscard]] Duration percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < classes_.size(); ++at) {
      seen += classes_.at(at);
      if (seen > wanted) return std::min(longest_, Duration{static_cast<Duration::rep>(upper_bound_of(at))});
    }
    return longest_;
  }

 private:
  static constexpr unsigned fine_bits = 6;
  static constexpr std::uint64_t fine = 1U << fine_bits;

  static std::size_t class_of(std::uint64_t value) {
    if (value < fine) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - fine_bits - 1;
    return (shift + 1) * fine + ((value >> shift) - fine);
  }
  static std::uint64_t upper_bound_of(std::size_t at) {
    if (at < fine) return at;
    const auto shift = at / fine - 1;
    return ((fine + at % fine + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - fine_bits + 1) * fine> classes_{};
  std::uint64_t count_ = 0;
  Duration longest_{};
};

}  // namespace posthorn::service
