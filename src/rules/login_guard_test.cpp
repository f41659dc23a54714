#include "rules/login_guard.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::rules {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const IpAddress stranger = *IpAddress::parse("198.51.100.7");
const IpAddress home = *IpAddress::parse("192.0.2.1");

class Guard : public testing::Test {
 protected:
  LoginGuard guard{{}, {1, 2}};
  MonotonicTime now{seconds{1'000}};

  void fail(std::uint32_t times, std::string_view name, const IpAddress& peer) {
    for (; times > 0; --times) static_cast<void>(guard.note_failure(name, peer, now));
  }
};

TEST_F(Guard, TheAnswerWaitsLongerEachTimeUpToThreeSeconds) {
  for (const auto wanted : {200, 400, 800, 1'600, 3'000, 3'000}) {
    EXPECT_EQ(guard.note_failure("alice", stranger, now), milliseconds{wanted});
  }
}

TEST_F(Guard, AnotherNameFromTheSameAddressWaitsAsLong) {
  fail(3, "alice", stranger);
  EXPECT_EQ(guard.note_failure("bob", stranger, now), milliseconds{1'600});
  EXPECT_EQ(guard.note_failure("bob", home, now), milliseconds{200});
}

TEST_F(Guard, StrangersLockTheNameForThemselvesOnly) {
  fail(19, "alice", stranger);
  EXPECT_FALSE(guard.is_locked("alice", stranger, now));
  fail(1, "alice", stranger);
  EXPECT_TRUE(guard.is_locked("alice", stranger, now));
  EXPECT_FALSE(guard.is_locked("alice", home, now));
  EXPECT_FALSE(guard.is_suspect(home, now));
  EXPECT_FALSE(guard.is_locked("bob", stranger, now));
  EXPECT_TRUE(guard.is_suspect(stranger, now));
}

TEST_F(Guard, ALockEndsAndTheNextIsLonger) {
  fail(20, "alice", stranger);
  EXPECT_TRUE(guard.is_locked("alice", stranger, now + seconds{59}));
  EXPECT_FALSE(guard.is_locked("alice", stranger, now + seconds{60}));
  now += seconds{60};
  fail(1, "alice", stranger);
  EXPECT_TRUE(guard.is_locked("alice", stranger, now + seconds{119}));
  fail(20, "alice", stranger);
  EXPECT_FALSE(guard.is_locked("alice", stranger, now + minutes{15}));
}

TEST_F(Guard, TheRightPasswordCleansTheNameAndNotTheAddress) {
  fail(19, "alice", stranger);
  guard.note_success("alice", stranger);
  fail(1, "alice", stranger);
  EXPECT_FALSE(guard.is_locked("alice", stranger, now));
  EXPECT_TRUE(guard.is_suspect(stranger, now));
}

TEST_F(Guard, AllIsForgottenInTheEnd) {
  fail(30, "alice", stranger);
  now += minutes{30};
  EXPECT_FALSE(guard.is_suspect(stranger, now));
  EXPECT_FALSE(guard.is_locked("alice", stranger, now));
  EXPECT_EQ(guard.note_failure("alice", stranger, now), milliseconds{200});
}

TEST_F(Guard, NeighboursInOneNetworkCountTogether) {
  fail(3, "alice", *IpAddress::parse("2001:db8::1"));
  EXPECT_TRUE(guard.is_suspect(*IpAddress::parse("2001:db8::ffff"), now));
  EXPECT_FALSE(guard.is_suspect(*IpAddress::parse("2001:db8:0:1::1"), now));
}

TEST(LoginGuard, AFloodOfNamesDoesNotWashAwayWhoFloods) {
  LoginGuard guard({.entries = 64}, {3, 4});
  MonotonicTime now{seconds{1'000}};
  for (int i = 0; i < 10'000; ++i) {
    now += milliseconds{1};
    static_cast<void>(guard.note_failure("name" + std::to_string(i), stranger, now));
  }
  EXPECT_EQ(guard.note_failure("alice", stranger, now), seconds{3});
}

TEST(LoginGuard, WithoutDelayThereIsNone) {
  LoginGuard guard({.longest_delay = seconds{0}}, {3, 4});
  EXPECT_EQ(guard.note_failure("alice", stranger, MonotonicTime{}), seconds{0});
}

}  // namespace
}  // namespace posthorn::rules
