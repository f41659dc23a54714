#include "proof/simulation.hpp"

#include "proof/bounds.hpp"
#include "proof/simulated_run.hpp"

#include <fmt/core.h>

#include <memory>
#include <utility>

namespace posthorn::proof {
namespace {

constexpr std::size_t most_left_behind = 1U << 20;  // octets; what the first run makes for all is in it

}  // namespace

std::string Outcome::line() const {
  if (is_good()) return fmt::format("seed {} ok trace {:016x}", seed, trace_hash);
  const auto& first = violations.front();
  return fmt::format("seed {} FAILED {} {} trace {:016x}", seed, first.invariant, first.what, trace_hash);
}

Outcome simulate(const Plan& plan, Trace::Show show) {
  const auto before = heap_in_use();
  auto outcome = std::make_unique<SimulatedRun>(plan, std::move(show))->run();
  const auto after = heap_in_use();
  if (outcome.is_good() && after > before + most_left_behind) {
    outcome.violations.push_back(
        {"I14", fmt::format("{} octets of the heap are left behind by the run", after - before)});
  }
  return outcome;
}

void survey_cut(const Plan& plan, CutSurvey look) {
  std::make_unique<SimulatedRun>(plan, Trace::Show{})->survey(std::move(look));
}

}  // namespace posthorn::proof
