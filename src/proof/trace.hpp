// Trace: what happened in a simulated run, line by line, as a hash (invariant 7: the same seed gives the same trace to the
// byte). Lines may be shown or kept as well; the hash is the same either way.
#pragma once

#include "sim/loop.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace posthorn::proof {

class Trace {
 public:
  /// Called with each line, if given: "[seconds] who: what".
  using Show = std::function<void(std::string_view)>;

  Trace(const sim::Loop& loop, Show show) : loop_(loop), show_(std::move(show)) {}

  /// Something happened now. `what` may be anything; it is not parsed.
  void note(std::string_view who, std::string_view what);
  /// The same for three pieces, so that callers need not join them.
  void note(std::string_view who, std::string_view first, std::string_view second, std::string_view third);

  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] bool is_shown() const { return static_cast<bool>(show_); }

 private:
  void mix(std::uint64_t word);
  void mix(std::string_view text);

  const sim::Loop& loop_;
  Show show_;
  std::uint64_t hash_ = 0x9e3779b97f4a7c15ULL;
  std::uint64_t lines_ = 0;
};

}  // namespace posthorn::proof
