// Short histories, with every place to cut the power: one, two or three letters through the whole server, the power cut
// before each change of the disk in turn, in two orders in which a disk may write, with both outcomes of everything that was
// not synced. After each cut the server comes back and brings everything to its end; for histories of one letter it is cut
// off a second time at each change that it makes while it comes back.
#pragma once

#include "proof/simulation.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace posthorn::proof {

struct Exploration {
  std::uint64_t histories = 0;
  std::uint64_t cut_points = 0;
  std::uint64_t second_cuts = 0;
  std::uint64_t runs = 0;    ///< each with another outcome
  std::uint64_t capped = 0;  ///< cut points with more outcomes than were looked at
  std::uint64_t failed = 0;
  std::vector<Outcome> failures;  ///< of bad runs; at most ten are kept
};

struct ExplorationSettings {
  std::size_t letters = 1;
  std::uint64_t most_outcomes = 4096;  ///< looked at after one cut in one order
  std::uint64_t first = 1;             ///< of the places to cut in all histories, counted through: this one
  std::uint64_t step = 1;              ///< and each of this distance behind it
};

[[nodiscard]] Exploration explore(const ExplorationSettings& settings);

}  // namespace posthorn::proof
