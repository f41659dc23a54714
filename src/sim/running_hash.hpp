// RunningHash: 64 bits that stand for everything that was mixed in, in its order. Not against adversaries. What is mixed in
// words stays the same on every little-endian machine.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace posthorn::sim {

class RunningHash {
 public:
  /// One round of a multiply-and-shift hash.
  void mix(std::uint64_t word) {
    value_ = (value_ ^ word) * 0xff51afd7ed558ccdULL;
    value_ ^= value_ >> 32;
  }

  void mix(std::string_view text) {
    mix(text.size());
    std::uint64_t word = 0;
    for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
      std::memcpy(&word, text.data(), sizeof word);
      mix(word);
    }
    if (text.empty()) return;
    word = 0;
    std::memcpy(&word, text.data(), text.size());
    mix(word);
  }

  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0x9e3779b97f4a7c15ULL;
};

}  // namespace posthorn::sim
