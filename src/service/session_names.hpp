// Names for sessions in the log: short, and not repeated within years. Any thread.
#pragma once

#include "base/time.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace posthorn::service {

class SessionNames {
 public:
  /// `start`: the server's, which tells the sessions of one run from those of another.
  explicit SessionNames(WallTime start);

  /// "s8dk2-1f": the run, and a counter in base 36.
  [[nodiscard]] std::string next();

 private:
  std::string run_;
  std::atomic<std::uint64_t> counter_ = 0;
};

}  // namespace posthorn::service
