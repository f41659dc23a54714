// Chance from a seed: the same seed, the same numbers, on every machine (xoshiro256** seeded by splitmix64).
#pragma once

#include "sim/running_hash.hpp"
#include "world/random.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace posthorn::sim {

class Random final : public world::Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) word = split_mix(seed);
  }

  void fill(std::span<std::byte> bytes) override {
    while (!bytes.empty()) {
      const auto word = draw();
      const auto count = bytes.size() < sizeof word ? bytes.size() : sizeof word;
      std::memcpy(bytes.data(), &word, count);
      bytes = bytes.subspan(count);
    }
  }

  /// Mixes in all that it will ever say.
  void mix_into(RunningHash& hash) const {
    for (const auto word : state_) hash.mix(word);
  }

  /// True `percent` times in a hundred.
  [[nodiscard]] bool chance(unsigned percent) { return below(100) < percent; }
  [[nodiscard]] std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }

 private:
  static std::uint64_t split_mix(std::uint64_t& state) {
    auto mixed = state += 0x9e3779b97f4a7c15ULL;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
    return mixed ^ mixed >> 31;
  }
  std::uint64_t draw() {
    const auto result = std::rotl(state_[1] * 5, 7) * 9;
    const auto shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  std::array<std::uint64_t, 4> state_{};
};

}  // namespace posthorn::sim
