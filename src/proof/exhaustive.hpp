// Short histories, with every place to cut the power: one, two or three letters through the whole server, the power cut
// before each change of the disk in turn, in each order in which a disk may write, with nothing, everything, or a drawn part
// of what was not synced left. After each cut the server comes back and brings everything to its end.
#pragma once

#include "proof/simulation.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace posthorn::proof {

struct Exploration {
  std::uint64_t histories = 0;
  std::uint64_t cut_points = 0;
  std::uint64_t runs = 0;
  std::vector<Outcome> failures;  ///< of bad runs; at most ten are kept
};

/// Histories of so many letters. `drawn`: cuts with drawn outcomes at each point, beside the two extremes.
[[nodiscard]] Exploration explore(std::size_t letters, unsigned drawn);

}  // namespace posthorn::proof
