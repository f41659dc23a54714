// Bounds (I14): what the server may hold at a moment, in things that a simulation can count, for the work that it has then.
// Each is some times what the busiest of thousands of runs held: what grows with time, and not with work, is found. How many
// octets a session takes is measured on the real program (tests/program/scarcity_test.py).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace posthorn::proof {

/// What there is to be done.
struct WorkAtHand {
  std::uint64_t clients = 0;     ///< who are connected, or were a moment ago
  std::uint64_t messages = 0;    ///< live in the spool
  std::uint64_t recipients = 0;  ///< queued or held there
};

/// What the server holds.
struct Holding {
  std::uint64_t handles = 0;    ///< files, folders and locks
  std::uint64_t callbacks = 0;  ///< timers, and what was posted
  std::uint64_t jobs = 0;       ///< that wait for a worker
  std::uint64_t entries = 0;    ///< of the queue's plan
  std::uint64_t segments = 0;   ///< of the spool but for failed ones
};

/// None: all of it is within bounds. Else what is not.
[[nodiscard]] std::optional<std::string> over_bounds(const Holding& holding, const WorkAtHand& work);

/// Octets of the heap in use by the whole program; 0 where that is not known (with a sanitizer).
[[nodiscard]] std::size_t heap_in_use();

}  // namespace posthorn::proof
