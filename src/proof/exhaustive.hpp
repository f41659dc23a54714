// Short histories, with every place to cut the power: one, two or three letters through the whole server, the power cut
// before each change of the disk in turn, in two orders in which a disk may write, with both outcomes of everything that was
// not synced. After each cut the server comes back and brings everything to its end; for histories of one letter it is cut
// off a second time at each change that it makes while it comes back.
// Of outcomes that leave the same disk in the same world only one is run: the others would go the same way.
#pragma once

#include "proof/simulation.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace posthorn::proof {

struct Exploration {
  std::uint64_t histories = 0;
  std::uint64_t cut_points = 0;
  std::uint64_t outcomes = 0;  ///< of cuts, looked at
  std::uint64_t states = 0;    ///< different ones that they left: each is run once
  std::uint64_t second_cuts = 0;
  std::uint64_t runs = 0;
  std::uint64_t capped = 0;  ///< cut points with more outcomes than were looked at
  std::uint64_t failed = 0;
  std::vector<Outcome> failures;  ///< of bad runs; at most ten are kept
};

struct ExplorationSettings {
  std::size_t letters = 1;
  std::uint64_t most_outcomes = 1U << 20;  ///< looked at after one cut in one order
  std::uint64_t first = 1;  ///< of the states and second cuts: one in `step` is run, beginning with this one
  std::uint64_t step = 1;
};

/// The histories of so many letters, without a cut.
[[nodiscard]] std::vector<Plan> short_histories(std::size_t letters);

/// One way in which a cut may leave the disk: in which order it writes, and what became of each unsynced write and name.
struct CutOutcome {
  sim::CrashMode mode = sim::CrashMode::ordered;
  sim::ExhaustiveChoice choice;
  std::uint64_t state = 0;  ///< hash of all that the rest of the run follows from
};

/// Every outcome of a cut before the disk's change number `at`, or the first `most` of them: false then.
bool each_outcome(Plan plan, std::uint64_t at, sim::CrashMode mode, std::uint64_t most,
                  const std::function<void(const CutOutcome&)>& visit);
/// The run in which it happens.
[[nodiscard]] Outcome simulate_cut(Plan plan, std::uint64_t at, CutOutcome outcome);

/// Called after each history with what there is so far.
using Progress = std::function<void(const Exploration&)>;

[[nodiscard]] Exploration explore(const ExplorationSettings& settings, const Progress& progress);

}  // namespace posthorn::proof
