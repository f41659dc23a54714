#include "service/connection_limits.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace posthorn::service {
namespace {

using Verdict = ConnectionLimits::Verdict;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

TEST(ConnectionLimits, CountsInAllAndByAddress) {
  ConnectionLimits limits({.connections = 3, .per_address = 2});
  std::vector<ConnectionLimits::Ticket> tickets;
  const auto admit = [&](const char* client) {
    auto [verdict, ticket] = limits.admit(address(client));
    if (verdict == Verdict::admitted) tickets.push_back(std::move(ticket));
    return verdict;
  };
  EXPECT_EQ(admit("192.0.2.1"), Verdict::admitted);
  EXPECT_EQ(admit("192.0.2.1"), Verdict::admitted);
  EXPECT_EQ(admit("192.0.2.1"), Verdict::too_many_from_address);
  EXPECT_EQ(admit("192.0.2.2"), Verdict::admitted);
  EXPECT_EQ(admit("192.0.2.3"), Verdict::too_many);
  EXPECT_EQ(limits.open(), 3U);
  tickets.clear();
  EXPECT_EQ(limits.open(), 0U);
  EXPECT_EQ(admit("192.0.2.1"), Verdict::admitted);
}

TEST(ConnectionLimits, OneIpv6CustomerIsOneClient) {
  ConnectionLimits limits({.connections = 10, .per_address = 1});
  const auto first = limits.admit(address("2001:db8:1:2::1"));
  EXPECT_EQ(first.first, Verdict::admitted);
  EXPECT_EQ(limits.admit(address("2001:db8:1:2:ffff::9")).first, Verdict::too_many_from_address);
  EXPECT_EQ(limits.admit(address("2001:db8:1:3::1")).first, Verdict::admitted);
}

TEST(ConnectionLimits, NewBoundsHoldForThoseWhoComeLater) {
  ConnectionLimits limits({.connections = 1, .per_address = 1});
  const auto first = limits.admit(address("192.0.2.1"));
  limits.change({.connections = 2, .per_address = 1});
  EXPECT_EQ(limits.admit(address("192.0.2.2")).first, Verdict::admitted);
}

}  // namespace
}  // namespace posthorn::service
