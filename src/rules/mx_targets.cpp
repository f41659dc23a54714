// From hosts and their addresses to the addresses to connect to (mx_plan.hpp).
#include "base/assert.hpp"
#include "rules/draws.hpp"
#include "rules/mx_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace posthorn::rules {
namespace {

constexpr mail::EnhancedStatus no_such_host{5, 1, 2};
constexpr mail::EnhancedStatus misconfigured{4, 3, 5};
constexpr mail::EnhancedStatus lookup_failed{4, 4, 3};
constexpr mail::EnhancedStatus nowhere_to_go{5, 4, 4};
constexpr mail::EnhancedStatus routing_loop{5, 4, 6};

using Addresses = std::vector<IpAddress>;

bool wants(AddressFamilies families, const IpAddress& address) {
  switch (families) {
    case AddressFamilies::both:
      return true;
    case AddressFamilies::ipv4:
      return address.is_v4();
    case AddressFamilies::ipv6:
      return address.is_v6();
  }
  return false;
}

bool is_ours(const IpAddress& address, const OwnHost& ourselves, std::uint16_t port) {
  return std::ranges::find(ourselves.endpoints, Endpoint{address, port}) != ourselves.endpoints.end();
}

/// IPv6, IPv4, IPv6, …: a network that lacks one family costs one vain try, not one for each address.
Addresses take_turns(const Addresses& addresses) {
  Addresses turns;
  Addresses v6;
  Addresses v4;
  for (const auto& address : addresses) (address.is_v6() ? v6 : v4).push_back(address);
  for (std::size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
    if (i < v6.size()) turns.push_back(v6[i]);
    if (i < v4.size()) turns.push_back(v4[i]);
  }
  return turns;
}

class TargetPlanner {
 public:
  TargetPlanner(const OwnHost& ourselves, const MxSettings& settings, std::uint64_t random)
      : ourselves_(ourselves), settings_(settings), draws_(random) {}

  TargetPlan plan(std::span<const FoundHost> hosts) {
    ensure(!hosts.empty(), "there is a host to look for");
    for (const auto& found : hosts) {
      if (found.host.preference >= cut_off_) break;
      add(found);
    }
    std::erase_if(targets_, [this](const Target& target) { return target.preference >= cut_off_; });
    if (targets_.empty()) return fault(hosts);
    targets_.resize(std::min(targets_.size(), settings_.targets));
    return std::move(targets_);
  }

 private:
  void add(const FoundHost& found) {
    const auto& answer = found.answer;
    const bool failed = answer.v4 == LookupStatus::failed || answer.v6 == LookupStatus::failed;
    if (failed) failed_from_ = std::min<std::uint32_t>(failed_from_, found.host.preference);
    Addresses usable;
    for (const auto& address : answer.addresses) {
      // RFC 5321 §5.1: also by its address a host may turn out to be ourselves.
      if (is_ours(address, ourselves_, settings_.port)) {
        cut_off_ = found.host.preference;
        return;
      }
      if (may_use(address)) usable.push_back(address);
    }
    std::ranges::sort(usable);
    const auto repeated = std::ranges::unique(usable);
    usable.erase(repeated.begin(), repeated.end());
    draws_.shuffle(std::span(usable));
    usable = take_turns(usable);
    usable.resize(std::min(usable.size(), settings_.addresses_per_host));
    for (const auto& address : usable) {
      targets_.push_back({found.host.name, {address, settings_.port}, found.host.preference});
    }
  }

  bool may_use(const IpAddress& address) {
    if (!wants(settings_.families, address)) return false;
    const bool is_here = address.is_loopback() || address.is_unspecified();
    some_excluded_ = some_excluded_ || (is_here && !settings_.allow_loopback);
    return !is_here || settings_.allow_loopback;
  }

  [[nodiscard]] Unroutable fault(std::span<const FoundHost> hosts) const {
    const auto& first = hosts.front().host;
    // FAULTS F38: a host that was not found now may be there later.
    if (failed_from_ < cut_off_)
      return {lookup_failed, fmt::format("the addresses of {} cannot be looked up", first.name)};
    if (cut_off_ != no_cut) return {routing_loop, "the mail would come back to this server"};
    if (first.source == MailHost::Source::administrator) {
      return {misconfigured,
              fmt::format("{} has no address to connect to: look at the route or the smarthost", first.name)};
    }
    if (some_excluded_) return {nowhere_to_go, fmt::format("{} has no address but the loopback's", first.name)};
    if (first.source == MailHost::Source::domain) return {no_such_host, fmt::format("{} has no address", first.name)};
    return {nowhere_to_go, fmt::format("no mail server has an address, {} among them", first.name)};
  }

  static constexpr std::uint32_t no_cut = std::numeric_limits<std::uint32_t>::max();

  const OwnHost& ourselves_;
  const MxSettings& settings_;
  Draws draws_;
  std::vector<Target> targets_;
  std::uint32_t cut_off_ = no_cut;      // hosts from this preference on are not ours to try
  std::uint32_t failed_from_ = no_cut;  // the best preference of a host whose lookup failed
  bool some_excluded_ = false;
};

}  // namespace

TargetPlan plan_targets(std::span<const FoundHost> hosts, const OwnHost& ourselves, const MxSettings& settings,
                        std::uint64_t random) {
  return TargetPlanner(ourselves, settings, random).plan(hosts);
}

TargetPlan plan_address(const IpAddress& address, const OwnHost& ourselves, const MxSettings& settings) {
  const FoundHost host{{fmt::format("[{}]", address.to_string()), 0},
                       {LookupStatus::found, LookupStatus::found, {address}}};
  return plan_targets(std::span(&host, 1), ourselves, settings, 0);
}

}  // namespace posthorn::rules
