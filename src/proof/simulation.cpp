#include "proof/simulation.hpp"

#include "proof/simulated_run.hpp"

#include <fmt/core.h>

#include <utility>

namespace posthorn::proof {

std::string Outcome::line() const {
  if (is_good()) return fmt::format("seed {} ok trace {:016x}", seed, trace_hash);
  const auto& first = violations.front();
  return fmt::format("seed {} FAILED {} {} trace {:016x}", seed, first.invariant, first.what, trace_hash);
}

Outcome simulate(const Plan& plan, Trace::Show show) {
  SimulatedRun run(plan, std::move(show));
  return run.run();
}

}  // namespace posthorn::proof
