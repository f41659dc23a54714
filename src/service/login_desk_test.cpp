#include "service/login_desk.hpp"

#include "sim/loop.hpp"
#include "world/task_group.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::service {
namespace {

using std::chrono::seconds;

const IpAddress stranger = *IpAddress::parse("198.51.100.7");
const IpAddress home = *IpAddress::parse("192.0.2.1");

class Desk : public testing::Test {
 protected:
  sim::Loop loop{1};
  std::string order;
  world::TaskGroup tasks;

  void come(LoginDesk& desk, char name, IpAddress peer, Duration check = seconds{1}) {
    tasks.start(
        [](LoginDesk& at, sim::Loop& on, char who, IpAddress from, Duration work, std::string& out) -> world::Task<> {
          const auto turn = co_await at.turn(on, from);
          if (!turn) {
            out += '-';
            co_return;
          }
          out += who;
          co_await world::sleep_until(on, after(on.now(), work));
        }(desk, loop, name, peer, check, order));
  }
  void run() {
    while (!tasks.empty() && loop.step()) {
    }
  }
};

TEST_F(Desk, WhoeverHasNoFailuresGoesFirst) {
  LoginDesk desk({.checks = 1}, {1, 2});
  static_cast<void>(desk.note_failure("alice", stranger, loop.now()));
  for (const char name : {'a', 'b', 'c'}) come(desk, name, stranger);
  come(desk, 'H', home);
  run();
  EXPECT_EQ(order, "aHbc");
}

TEST_F(Desk, OnePlaceIsNeverTheSuspects) {
  LoginDesk desk({.checks = 2}, {1, 2});
  static_cast<void>(desk.note_failure("alice", stranger, loop.now()));
  for (const char name : {'a', 'b', 'c'}) come(desk, name, stranger, seconds{5});
  for (int i = 0; i < 10; ++i) loop.step();
  const auto before = loop.now();
  come(desk, 'H', home, seconds{0});
  while (!order.contains('H') && loop.step()) {
  }
  EXPECT_LT(loop.now() - before, seconds{1});
  run();
  EXPECT_EQ(order.size(), 4U);
}

TEST_F(Desk, TheQueueAndItsPatienceAreBounded) {
  LoginDesk desk({.checks = 1, .waiting = 2, .patience = seconds{3}}, {1, 2});
  come(desk, 'a', home, seconds{10});
  run();
  order.clear();
  come(desk, 'a', home, seconds{10});
  while (order.empty() && loop.step()) {
  }
  for (const char name : {'b', 'c', 'd'}) come(desk, name, home);
  EXPECT_EQ(order, "a-");
  run();
  EXPECT_EQ(order, "a---");
  come(desk, 'e', home);
  run();
  EXPECT_EQ(order, "a---e");
}

}  // namespace
}  // namespace posthorn::service
