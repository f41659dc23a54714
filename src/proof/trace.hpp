// Trace: what happened in a simulated run, line by line, as a hash (invariant 7: the same seed gives the same trace to the
// byte). Lines may be shown or kept as well; the hash is the same either way.
#pragma once

#include "sim/loop.hpp"
#include "sim/running_hash.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace posthorn::proof {

class Trace {
 public:
  static constexpr std::string_view disk = "disk";  ///< who notes what the disk does

  /// Called with each line, if given: "[seconds] who: what".
  using Show = std::function<void(std::string_view)>;

  Trace(const sim::Loop& loop, Show show) : loop_(loop), show_(std::move(show)) {}

  /// Something happened now. `what` may be anything; it is not parsed.
  void note(std::string_view who, std::string_view what);
  /// The same for three pieces, so that callers need not join them.
  void note(std::string_view who, std::string_view first, std::string_view second, std::string_view third);

  [[nodiscard]] std::uint64_t hash() const { return hash_.value(); }
  /// From now on outside() has all lines but those of the disk.
  void keep_outside() { keeps_outside_ = true; }
  [[nodiscard]] std::uint64_t outside() const { return outside_.value(); }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] bool is_shown() const { return static_cast<bool>(show_); }

 private:
  const sim::Loop& loop_;
  Show show_;
  sim::RunningHash hash_;
  sim::RunningHash outside_;
  bool keeps_outside_ = false;
  std::uint64_t lines_ = 0;
};

}  // namespace posthorn::proof
