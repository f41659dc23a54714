#include "rules/target_walk.hpp"

#include <gtest/gtest.h>

namespace posthorn::rules {
namespace {

using namespace std::chrono_literals;
using Kind = smtp::Outcome::Kind;
using Ended = TargetWalk::Ended;

Target target(const char* host, const char* endpoint) { return {host, Endpoint::parse(endpoint).value(), 1}; }

std::vector<Target> three() {
  return {target("a", "192.0.2.1:25"), target("a", "192.0.2.2:25"), target("b", "192.0.2.3:25")};
}

TEST(TargetWalk, ADeadConnectionLeadsToTheNextAddress) {
  TargetWalk walk(three(), 10);
  EXPECT_EQ(walk.current().endpoint.to_string(), "192.0.2.1:25");
  walk.go_on(Ended::unreachable);
  EXPECT_EQ(walk.current().endpoint.to_string(), "192.0.2.2:25");
  walk.go_on(Ended::unreachable);
  EXPECT_EQ(walk.current().endpoint.to_string(), "192.0.2.3:25");
  walk.go_on(Ended::unreachable);
  EXPECT_TRUE(walk.at_end());
}

TEST(TargetWalk, ARefusalLeadsToTheNextHost) {
  TargetWalk walk(three(), 10);
  walk.go_on(Ended::refused);
  EXPECT_EQ(walk.current().host, "b");
  walk.go_on(Ended::refused);
  EXPECT_TRUE(walk.at_end());
}

TEST(TargetWalk, TriesAreBounded) {
  TargetWalk walk(three(), 2);
  walk.go_on(Ended::unreachable);
  EXPECT_FALSE(walk.at_end());
  walk.go_on(Ended::unreachable);
  EXPECT_TRUE(walk.at_end());
}

TEST(TargetWalk, OnlyATemporaryRefusalLeadsElsewhere) {
  struct Row {
    Kind kind;
    const char* text;
    bool elsewhere;
  };
  for (const auto& [kind, text, elsewhere] : {
           Row{Kind::temporary, "4.3.0 out of order", true},
           Row{Kind::temporary, "connection refused", true},
           Row{Kind::temporary, "4.7.1 Greylisted, see our pages", false},
           Row{Kind::temporary, "4.7.1 try again in 300 seconds", false},
           Row{Kind::temporary, "4.7.1 try again later", true},
           Row{Kind::permanent, "5.1.1 no", false},
           Row{Kind::delivered, "ok", false},
           Row{Kind::unknown, "connection lost", false},
           Row{Kind::untried, "", false},
       }) {
    EXPECT_EQ(may_try_elsewhere({.kind = kind, .text = text}), elsewhere) << text;
  }
}

TEST(HostMemory, TheDeadAreTriedLastForAWhile) {
  HostMemory memory({.time = 3min, .endpoints = 10});
  const MonotonicTime now{1h};
  auto targets = three();
  memory.note_dead(targets[0].endpoint, now);
  memory.put_dead_last(targets, now + 2min);
  EXPECT_EQ(targets[0].endpoint.to_string(), "192.0.2.2:25");
  EXPECT_EQ(targets[2].endpoint.to_string(), "192.0.2.1:25") << "last, not left out";
  targets = three();
  memory.put_dead_last(targets, now + 3min);
  EXPECT_EQ(targets, three());
}

TEST(HostMemory, OneThatAnswersIsAlive) {
  HostMemory memory;
  const MonotonicTime now{1h};
  memory.note_dead(three()[0].endpoint, now);
  memory.note_alive(three()[0].endpoint);
  memory.note_alive(three()[1].endpoint);
  EXPECT_FALSE(memory.is_dead(three()[0].endpoint, now));
  EXPECT_EQ(memory.size(), 0U);
}

TEST(HostMemory, IsBounded) {
  HostMemory memory({.time = 1h, .endpoints = 2});
  const MonotonicTime now{1h};
  for (const auto& one : three()) memory.note_dead(one.endpoint, now + 1s * one.endpoint.address.octets()[3]);
  memory.note_dead(three()[2].endpoint, now + 5s);
  EXPECT_EQ(memory.size(), 2U);
  EXPECT_FALSE(memory.is_dead(three()[0].endpoint, now + 5s)) << "the oldest is forgotten";
}

}  // namespace
}  // namespace posthorn::rules
