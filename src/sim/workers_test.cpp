#include "sim/workers.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

namespace posthorn::sim {
namespace {

using namespace std::chrono_literals;

std::string order_of_jobs(const Workers::Settings& settings) {
  Loop loop;
  Workers workers{loop, settings};
  std::string order;
  for (char name = 'a'; name <= 'f'; ++name) {
    workers.run([&order, name] { order += name; });
  }
  EXPECT_EQ(order, "") << "no job runs inside run()";
  loop.run();
  return order;
}

TEST(SimWorkers, OneThreadKeepsTheOrder) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    EXPECT_EQ(order_of_jobs({.seed = seed, .longest_wait = 1s, .in_order = true}), "abcdef");
  }
}

TEST(SimWorkers, APoolRunsAllOfThemInSomeOrderThatTheSeedDecides) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const auto order = order_of_jobs({.seed = seed, .longest_wait = 1s});
    EXPECT_EQ(order, order_of_jobs({.seed = seed, .longest_wait = 1s}));
    EXPECT_EQ(std::set<char>(order.begin(), order.end()).size(), 6U);
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 4U);
}

TEST(SimWorkers, JobsLeftAtTheEndNeverRun) {
  Loop loop;
  bool ran = false;
  {
    std::optional<Workers> workers{std::in_place, loop, Workers::Settings{}};
    workers->run([&ran] { ran = true; });
  }
  loop.run();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace posthorn::sim
