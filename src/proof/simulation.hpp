// Simulation: one run of the whole server in a simulated world, from one seed: the plan is drawn, the server starts, models
// send and receive, faults come as planned, the power is cut and comes back, the trouble ends, everything must come to its
// end, and the book is checked. One thread; thousands of times faster than real time.
#pragma once

#include "proof/ledger.hpp"
#include "proof/plan.hpp"
#include "proof/trace.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace posthorn::proof {

struct Outcome {
  std::uint64_t seed = 0;
  std::uint64_t trace_hash = 0;
  std::vector<Violation> violations;
  // For the figures.
  std::uint64_t events = 0;
  std::uint64_t disk_operations = 0;
  std::uint64_t lives = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t accepted = 0;
  std::uint64_t copies = 0;
  std::uint64_t reports = 0;
  Duration virtual_time{};

  [[nodiscard]] bool is_good() const { return violations.empty(); }
  /// "seed 7 ok trace 0123456789abcdef", or "seed 7 FAILED I2 … trace …" with the first violation.
  [[nodiscard]] std::string line() const;
};

[[nodiscard]] Outcome simulate(const Plan& plan, Trace::Show show = {});

/// Shown the disk in the moment after the power was cut, and a hash of all else that is left: equal hashes and equal disks
/// in runs of one plan have the same future (docs/reliability.md, "Short histories").
using CutSurvey = std::function<void(const sim::Disk& disk, std::uint64_t outside)>;
/// Runs the plan until the power is cut for the first time; never to its end.
void survey_cut(const Plan& plan, CutSurvey look);

[[nodiscard]] inline Outcome simulate(std::uint64_t seed, Trace::Show show = {}) {
  return simulate(draw_plan(seed), std::move(show));
}

}  // namespace posthorn::proof
