// Draws: a short run of random numbers grown from one that was passed in (SplitMix64), for rules that choose. The same
// number gives the same run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace posthorn::rules {

class Draws {
 public:
  explicit Draws(std::uint64_t random) : state_(random) {}

  [[nodiscard]] std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    auto mixed = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
  }

  /// Evenly from 0 to `bound` - 1; `bound` is at least 1.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return share(next(), bound); }

  /// `random` / 2^64 of `whole`, rounded down.
  [[nodiscard]] static std::uint64_t share(std::uint64_t random, std::uint64_t whole) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(Wide{random} * whole >> 64);
  }

  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t left = items.size(); left > 1; --left) {
      std::swap(items[left - 1], items[below(left)]);
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace posthorn::rules
