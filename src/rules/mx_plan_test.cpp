#include "rules/mx_plan.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace posthorn::rules {
namespace {

using Source = MailHost::Source;
using enum LookupStatus;

const OwnHost us{{"mx.us.example", "us.example"},
                 {*Endpoint::parse("192.0.2.100:25"), *Endpoint::parse("127.0.0.1:2525")}};

std::vector<MailHost> hosts(const HostPlan& plan) {
  const auto* found = std::get_if<std::vector<MailHost>>(&plan);
  return found != nullptr ? *found : std::vector<MailHost>{};
}

std::string names(const HostPlan& plan) {
  std::string text;
  for (const auto& host : hosts(plan)) text += (text.empty() ? "" : " ") + host.name;
  return text;
}

template <class Plan>
std::string fault(const Plan& plan) {
  const auto* found = std::get_if<Unroutable>(&plan);
  return found != nullptr ? found->status.to_string() : "none";
}

HostPlan plan(std::vector<MxAnswer::Record> records, std::uint64_t random = 1) {
  return plan_hosts("dest.example", {found, std::move(records)}, us, {}, random);
}

TEST(MxPlan, HostsStandByPreference) {
  EXPECT_EQ(names(plan({{20, "b.example"}, {5, "a.example"}, {65'535, "c.example"}})), "a.example b.example c.example");
}

TEST(MxPlan, EqualsStandInRandomOrderThatTheSameNumberRepeats) {
  const std::vector<MxAnswer::Record> records{{10, "a"}, {10, "b"}, {10, "c"}, {1, "first"}, {99, "last"}};
  std::set<std::string> seen;
  for (std::uint64_t random = 0; random < 100; ++random) {
    const auto order = names(plan(records, random));
    EXPECT_TRUE(order.starts_with("first ") && order.ends_with(" last")) << order;
    EXPECT_EQ(names(plan(records, random)), order);
    seen.insert(order);
  }
  EXPECT_EQ(seen.size(), 6U) << "every order of three";
  auto turned = records;
  std::ranges::reverse(turned);
  EXPECT_EQ(names(plan(turned, 7)), names(plan(records, 7))) << "the order of the records is nobody's";
}

TEST(MxPlan, ADomainWithoutMxIsItsOwnHost) {
  const auto without = plan_hosts("dest.example", {no_records, {}}, us, {}, 1);
  EXPECT_EQ(hosts(without), (std::vector{MailHost{"dest.example", 0, Source::domain}}));
}

TEST(MxPlan, WhatCannotBeLookedUpWaitsAndWhatIsNotThereFails) {
  struct Row {
    const char* name;
    HostPlan plan;
    const char* status;
  };
  for (const auto& row : {
           Row{"MX lookup failed", plan_hosts("dest.example", {failed, {}}, us, {}, 1), "4.4.3"},
           Row{"no such domain", plan_hosts("dest.example", {no_name, {}}, us, {}, 1), "5.1.2"},
           Row{"null MX", plan({{0, ""}}), "5.1.10"},
           Row{"null MX with a preference", plan({{10, ""}}), "5.1.10"},
           Row{"only addresses", plan({{10, "192.0.2.1"}, {20, "2001:db8::1"}, {30, "[192.0.2.1]"}}), "5.4.4"},
           Row{"only nonsense", plan({{10, "a b"}, {20, std::string(300, 'a')}, {30, "a/b"}}), "5.4.4"},
           Row{"only ourselves", plan({{10, "MX.us.example"}}), "5.4.6"},
           Row{"ourselves preferred", plan({{10, "mx.us.example"}, {10, "b.example"}, {20, "c.example"}}), "5.4.6"},
           Row{"we have no MX but are it", plan_hosts("us.example", {no_records, {}}, us, {}, 1), "5.4.6"},
       }) {
    EXPECT_EQ(fault(row.plan), row.status) << row.name;
  }
}

TEST(MxPlan, OddRecordsAreLeftOut) {
  EXPECT_EQ(names(plan({{1, ""}, {2, "192.0.2.1"}, {3, "good.example"}})), "good.example");
}

TEST(MxPlan, WeCutOffWhatIsNotPreferredToUs) {
  EXPECT_EQ(
      names(plan({{5, "a.example"}, {10, "b.example"}, {20, "us.example"}, {20, "c.example"}, {30, "d.example"}})),
      "a.example b.example");
}

TEST(MxPlan, CountsAreBounded) {
  std::vector<MxAnswer::Record> records;
  for (std::uint16_t i = 0; i < 10'000; ++i)
    records.push_back({static_cast<std::uint16_t>(9'999 - i), fmt::format("h{}", 9'999 - i)});
  const auto bounded = hosts(plan(records));
  ASSERT_EQ(bounded.size(), 20U);
  EXPECT_EQ(bounded.front().name, "h0");
  EXPECT_EQ(bounded.back().name, "h19");
}

TEST(MxPlan, ADestinationIsNamedByItsHostsInAnyOrder) {
  const std::vector<MailHost> one{{"b", 1}, {"a", 2}, {"b", 3}};
  const std::vector<MailHost> other{{"a", 7}, {"b", 7}};
  EXPECT_EQ(destination_key(one, 25), "MX a,b:25");
  EXPECT_TRUE(is_mx_destination(destination_key(one, 25)));
  EXPECT_FALSE(is_mx_destination("a.example"));
  EXPECT_EQ(destination_key(one, 25), destination_key(other, 25));
  EXPECT_NE(destination_key(one, 25), destination_key(one, 26));
}

// Addresses.

FoundHost host(std::string name, std::uint16_t preference, const std::vector<std::string>& addresses,
               LookupStatus v4 = found, LookupStatus v6 = found) {
  FoundHost made{{std::move(name), preference, Source::mx}, {v4, v6, {}}};
  for (const auto& address : addresses) made.answer.addresses.push_back(IpAddress::parse(address).value());
  return made;
}

TargetPlan targets_of(const std::vector<FoundHost>& found_hosts, const MxSettings& settings = {},
                      std::uint64_t random = 1) {
  return plan_targets(found_hosts, us, settings, random);
}

std::string endpoints(const TargetPlan& plan) {
  std::string text;
  if (const auto* found_targets = std::get_if<std::vector<Target>>(&plan)) {
    for (const auto& target : *found_targets) text += (text.empty() ? "" : " ") + target.endpoint.to_string();
  }
  return text;
}

TEST(MxTargets, BothFamiliesTakeTurns) {
  const auto plan = targets_of({host("a", 1, {"192.0.2.1", "192.0.2.2", "2001:db8::1"})});
  EXPECT_TRUE(endpoints(plan) == "[2001:db8::1]:25 192.0.2.1:25 192.0.2.2:25" ||
              endpoints(plan) == "[2001:db8::1]:25 192.0.2.2:25 192.0.2.1:25")
      << endpoints(plan);
}

TEST(MxTargets, HostsKeepTheirOrder) {
  EXPECT_EQ(endpoints(targets_of({host("b", 1, {"192.0.2.9"}), host("a", 2, {"192.0.2.1"})})),
            "192.0.2.9:25 192.0.2.1:25");
}

TEST(MxTargets, AFamilyMayBeSwitchedOff) {
  const std::vector found_hosts{host("a", 1, {"192.0.2.1", "2001:db8::1"})};
  EXPECT_EQ(endpoints(targets_of(found_hosts, {.families = AddressFamilies::ipv4})), "192.0.2.1:25");
  EXPECT_EQ(endpoints(targets_of(found_hosts, {.families = AddressFamilies::ipv6})), "[2001:db8::1]:25");
}

TEST(MxTargets, LoopbackIsConnectedToOnlyWhereItIsAllowed) {
  const std::vector found_hosts{host("a", 1, {"127.0.0.2", "::1", "0.0.0.0", "::", "192.0.2.1"})};
  EXPECT_EQ(endpoints(targets_of(found_hosts)), "192.0.2.1:25");
  const auto allowed = targets_of(found_hosts, {.port = 2526, .allow_loopback = true});
  EXPECT_EQ(std::get<std::vector<Target>>(allowed).size(), 5U);
}

TEST(MxTargets, WhyThereAreNone) {
  struct Row {
    const char* name;
    std::vector<FoundHost> hosts;
    const char* status;
  };
  auto own = host("dest.example", 0, {}, no_records, no_records);
  own.host.source = Source::domain;
  auto smart = host("smart.example", 0, {}, no_name, no_name);
  smart.host.source = Source::administrator;
  for (const auto& row : {
           Row{"all lookups failed", {host("a", 1, {}, failed, failed), host("b", 2, {}, failed, failed)}, "4.4.3"},
           Row{"one lookup failed",
               {host("a", 1, {}, no_name, no_name), host("b", 2, {}, no_records, failed)},
               "4.4.3"},
           Row{"hosts without addresses",
               {host("a", 1, {}, no_name, no_name), host("b", 2, {}, no_records, no_records)},
               "5.4.4"},
           Row{"a domain without MX and address", {own}, "5.1.2"},
           Row{"only loopback", {host("a", 1, {"127.0.0.1"})}, "5.4.4"},
           Row{"a smarthost that is not there", {smart}, "4.3.5"},
           Row{"ourselves by address", {host("a", 1, {"192.0.2.100"})}, "5.4.6"},
           Row{"ourselves first",
               {host("a", 1, {"192.0.2.100"}), host("b", 1, {"192.0.2.1"}), host("c", 2, {"192.0.2.2"})},
               "5.4.6"},
           Row{"the preferred one cannot be looked up",
               {host("a", 1, {}, failed, failed), host("b", 2, {"192.0.2.100"})},
               "4.4.3"},
           Row{"one behind us cannot be looked up",
               {host("a", 1, {"192.0.2.100"}), host("b", 2, {}, failed, failed)},
               "5.4.6"},
       }) {
    const auto plan = targets_of(row.hosts);
    EXPECT_EQ(fault(plan), row.status) << row.name;
  }
}

TEST(MxTargets, ALookupThatFailedLeavesTheOthers) {
  EXPECT_EQ(endpoints(targets_of({host("a", 1, {}, failed, failed), host("b", 2, {"192.0.2.1"})})), "192.0.2.1:25");
  EXPECT_EQ(endpoints(targets_of({host("a", 1, {"192.0.2.1"}, found, failed)})), "192.0.2.1:25");
}

TEST(MxTargets, WeAreCutOffByAddressAndPort) {
  const std::vector found_hosts{host("a", 1, {"192.0.2.1"}), host("b", 2, {"127.0.0.1"}), host("c", 3, {"192.0.2.3"})};
  EXPECT_EQ(endpoints(targets_of(found_hosts, {.port = 2525, .allow_loopback = true})), "192.0.2.1:2525");
  EXPECT_EQ(endpoints(targets_of(found_hosts, {.port = 2526, .allow_loopback = true})),
            "192.0.2.1:2526 127.0.0.1:2526 192.0.2.3:2526")
      << "another server on the same machine is not ourselves";
}

TEST(MxTargets, CountsAreBoundedAndNothingIsTriedTwice) {
  std::vector<std::string> many;
  for (int i = 1; i < 250; ++i) many.push_back(fmt::format("192.0.2.{}", i % 99 + 1));
  const auto one = std::get<std::vector<Target>>(targets_of({host("a", 1, many)}));
  EXPECT_EQ(one.size(), 8U);
  std::set<Endpoint> distinct;
  for (const auto& target : one) distinct.insert(target.endpoint);
  EXPECT_EQ(distinct.size(), 8U);
  const std::vector found_hosts(20, host("a", 1, many));
  EXPECT_EQ(std::get<std::vector<Target>>(targets_of(found_hosts)).size(), 40U);
}

TEST(MxTargets, AnAddressLiteralIsItsOwnTarget) {
  EXPECT_EQ(endpoints(plan_address(*IpAddress::parse("2001:db8::1"), us, {})), "[2001:db8::1]:25");
  EXPECT_EQ(fault(plan_address(*IpAddress::parse("192.0.2.100"), us, {})), "5.4.6");
  EXPECT_EQ(fault(plan_address(*IpAddress::parse("127.0.0.1"), us, {})), "5.4.4");
}

}  // namespace
}  // namespace posthorn::rules
