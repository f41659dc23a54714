#include "rules/mx_plan.hpp"

#include "base/ascii.hpp"
#include "rules/draws.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace posthorn::rules {
namespace {

constexpr std::string_view mx_mark = "MX ";  // no domain has a blank in it, and no next hop begins so
constexpr mail::EnhancedStatus no_such_domain{5, 1, 2};
constexpr mail::EnhancedStatus null_mx{5, 1, 10};
constexpr mail::EnhancedStatus lookup_failed{4, 4, 3};
constexpr mail::EnhancedStatus nowhere_to_go{5, 4, 4};
constexpr mail::EnhancedStatus routing_loop{5, 4, 6};

using Records = std::vector<MxAnswer::Record>;

Unroutable loop_to_us() { return {routing_loop, "the mail would come back to this server"}; }

/// RFC 7505 §3: one record whose host is the root. Beside others it means nothing.
bool is_null_mx(const Records& records) { return records.size() == 1 && records.front().host.empty(); }

/// RFC 5321 §5.1, RFC 2181 §10.3: the host of an MX is a name. An address there names no host.
bool names_a_host(const MxAnswer::Record& record) {
  if (record.host.empty() || record.host.size() > 255) return false;
  if (IpAddress::parse(record.host) || record.host.front() == '[') return false;
  return std::ranges::none_of(record.host, [](char c) { return ascii::is_control(c) || c == ' ' || c == '/'; });
}

bool is_ours(std::string_view host, const OwnHost& ourselves) {
  return std::ranges::any_of(ourselves.names, [host](const auto& name) { return ascii::same_word(name, host); });
}

/// By preference; random order among equals.
void order(Records& records, std::uint64_t random) {
  // By name first: the order in which the resolver gave them takes no part, so that the same number gives the same plan.
  std::ranges::sort(records, {},
                    [](const auto& record) { return std::pair{record.preference, std::string_view(record.host)}; });
  Draws draws(random);
  for (std::span rest(records); !rest.empty();) {
    const auto equals = std::ranges::upper_bound(rest, rest.front().preference, {}, &MxAnswer::Record::preference);
    const auto count = static_cast<std::size_t>(equals - rest.begin());
    draws.shuffle(rest.first(count));
    rest = rest.subspan(count);
  }
}

std::optional<Unroutable> fault_of(std::string_view domain, const MxAnswer& answer) {
  switch (answer.status) {
    case LookupStatus::failed:
      return Unroutable{lookup_failed, fmt::format("the mail servers of {} cannot be looked up", domain)};
    case LookupStatus::no_name:
      return Unroutable{no_such_domain, fmt::format("there is no domain {}", domain)};
    case LookupStatus::no_records:
    case LookupStatus::found:
      break;
  }
  return std::nullopt;
}

}  // namespace

HostPlan plan_hosts(std::string_view domain, const MxAnswer& answer, const OwnHost& ourselves,
                    const MxSettings& settings, std::uint64_t random) {
  if (auto fault = fault_of(domain, answer)) return *std::move(fault);
  // RFC 5321 §5.1: a domain without MX is its own host, at preference 0.
  if (answer.status == LookupStatus::no_records || answer.records.empty()) {
    if (is_ours(domain, ourselves)) return loop_to_us();
    return std::vector{MailHost{std::string(domain), 0, MailHost::Source::domain}};
  }
  if (is_null_mx(answer.records)) return Unroutable{null_mx, fmt::format("{} takes no mail (null MX)", domain)};
  auto records = answer.records;
  std::erase_if(records, [](const auto& record) { return !names_a_host(record); });
  if (records.empty()) return Unroutable{nowhere_to_go, fmt::format("no MX record of {} names a host", domain)};
  order(records, random);
  // RFC 5321 §5.1: we are one of the hosts: those that are not preferred to us are not for us to try.
  const auto us = std::ranges::find_if(records, [&](const auto& record) { return is_ours(record.host, ourselves); });
  if (us != records.end()) {
    const auto limit = us->preference;
    std::erase_if(records, [limit](const auto& record) { return record.preference >= limit; });
  }
  if (records.empty()) return loop_to_us();
  records.resize(std::min(records.size(), settings.hosts));
  std::vector<MailHost> hosts;
  for (const auto& record : records) hosts.push_back({record.host, record.preference});
  return hosts;
}

std::string destination_key(std::span<const MailHost> hosts, std::uint16_t port) {
  std::vector<std::string_view> names;
  for (const auto& host : hosts) names.push_back(host.name);
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return fmt::format("{}{}:{}", mx_mark, fmt::join(names, ","), port);
}

bool is_mx_destination(std::string_view destination) { return destination.starts_with(mx_mark); }

}  // namespace posthorn::rules
