#include "service/message_gate.hpp"

#include "sim/loop.hpp"
#include "world/task_group.hpp"

#include <gtest/gtest.h>

namespace posthorn::service {
namespace {

using namespace std::chrono_literals;
constexpr MessageId id{7};

struct Gate : testing::Test {
  sim::Loop loop{1};
  MessageGate gate{loop};
  std::string told;
  world::TaskGroup tasks;

  world::Task<> pass(char name, Duration stay) {
    co_await gate.enter(id);
    told += name;
    co_await world::sleep_until(loop, after(loop.now(), stay));
    gate.leave(id);
  }
  world::Task<> be_alone(char name, Duration stay, Duration patience) {
    if (!co_await gate.close(id, after(loop.now(), patience))) {
      told += '-';
      co_return;
    }
    told += name;
    co_await world::sleep_until(loop, after(loop.now(), stay));
    gate.open(id);
    told += ')';
  }
};

TEST_F(Gate, ManyPassWhileItIsOpen) {
  tasks.start(pass('a', 1s));
  tasks.start(pass('b', 1s));
  EXPECT_EQ(told, "ab");
  loop.run_for(2s);
  EXPECT_EQ(gate.size(), 0U);
}

TEST_F(Gate, WhoClosesItIsAlone) {
  tasks.start(pass('a', 1s));
  tasks.start(be_alone('X', 1s, 10s));
  EXPECT_EQ(told, "a");
  loop.run_for(1500ms);
  EXPECT_EQ(told, "aX");
  tasks.start(pass('b', 1s));
  tasks.start(be_alone('Y', 1s, 10s));
  EXPECT_EQ(told, "aX");
  loop.run_for(10s);
  EXPECT_TRUE(told == "aX)bY)" || told == "aX)Y)b") << told;
  EXPECT_EQ(gate.size(), 0U);
}

TEST_F(Gate, APatienceEnds) {
  tasks.start(pass('a', 10s));
  tasks.start(be_alone('X', 1s, 2s));
  loop.run_for(3s);
  EXPECT_EQ(told, "a-");
  loop.run_for(10s);
  EXPECT_EQ(gate.size(), 0U);
}

}  // namespace
}  // namespace posthorn::service
