// The whole server in the simulated world, with sanitizers: a few seeds, and that a seed always tells the same story.
#include "proof/simulation.hpp"

#include <gtest/gtest.h>

namespace posthorn::proof {
namespace {

TEST(Simulation, TheFirstSeedsHoldEveryInvariant) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const auto outcome = simulate(seed);
    EXPECT_TRUE(outcome.is_good()) << outcome.line();
  }
}

TEST(Simulation, TheSameSeedGivesTheSameTraceToTheByte) {
  for (std::uint64_t seed = 100; seed < 104; ++seed) EXPECT_EQ(simulate(seed).line(), simulate(seed).line());
}

TEST(Simulation, ATraceThatIsShownHasTheSameHash) {
  std::string shown;
  const auto loud = simulate(7, [&shown](std::string_view line) { (shown += line) += '\n'; });
  EXPECT_EQ(loud.line(), simulate(7).line());
  EXPECT_NE(shown.find("says"), std::string::npos);
}

}  // namespace
}  // namespace posthorn::proof
