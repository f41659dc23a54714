#include "service/target_finder.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/planted_fault.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

using rules::LookupStatus;

constexpr std::uint16_t lmtp_port = 24;

LookupStatus status_of(const world::DnsAnswer& answer) {
  if (answer.security == world::DnsSecurity::bogus) return LookupStatus::failed;
  using enum world::DnsAnswer::Status;
  switch (answer.status) {
    case found:
      return LookupStatus::found;
    case no_records:
      return LookupStatus::no_records;
    case no_name:
      return LookupStatus::no_name;
    case failed:
      return planted(PlantedFault::resolver_failure_is_final) ? LookupStatus::no_name : LookupStatus::failed;
  }
  bug("an answer without a status");
}

rules::MxAnswer mx_answer(const world::DnsAnswer& answer) {
  rules::MxAnswer mx{.status = status_of(answer), .records = {}};
  for (const auto& record : answer.records) {
    if (const auto* one = std::get_if<world::MxRecord>(&record)) mx.records.push_back({one->preference, one->host});
  }
  return mx;
}

void add_addresses(const world::DnsAnswer& answer, std::vector<IpAddress>& into) {
  for (const auto& record : answer.records) {
    if (const auto* address = std::get_if<IpAddress>(&record)) into.push_back(*address);
  }
}

/// `[192.0.2.1]` and `[IPv6:…]`, as addresses carry them.
std::optional<IpAddress> literal_address(std::string_view domain) {
  if (!domain.starts_with('[') || !domain.ends_with(']')) return std::nullopt;
  auto text = domain.substr(1, domain.size() - 2);
  if (ascii::starts_with_word(text, "IPv6:")) text.remove_prefix(5);
  return IpAddress::parse(text);
}

}  // namespace

world::Task<rules::HostPlan> TargetFinder::find_hosts(rules::Way way, std::string domain) {
  if (way.kind == rules::Way::Kind::hop) {
    auto name = way.hop.address ? fmt::format("[{}]", way.hop.address->to_string()) : way.hop.host;
    co_return std::vector{rules::MailHost{std::move(name), 0, rules::MailHost::Source::administrator}};
  }
  if (literal_address(domain)) co_return std::vector{rules::MailHost{domain, 0, rules::MailHost::Source::domain}};
  const auto deadline = after(world_.loop.now(), settings_.timeout);
  const auto answer = co_await world_.resolver.query(domain, world::DnsType::mx, deadline);
  co_return rules::plan_hosts(domain, mx_answer(answer), settings_.ourselves, settings_.mx, world_.random.next());
}

world::Task<rules::TargetPlan> TargetFinder::find_targets(rules::Way way, std::string domain,
                                                          std::vector<rules::MailHost> hosts) {
  const auto deadline = after(world_.loop.now(), settings_.timeout);
  auto settings = settings_.mx;
  if (way.kind == rules::Way::Kind::hop) {
    const bool is_lmtp = way.hop.protocol == rules::NextHop::Protocol::lmtp;
    settings.port = way.hop.port.value_or(is_lmtp ? lmtp_port : settings.port);
    settings.allow_loopback = true;  // the administrator named it
    if (way.hop.address) co_return rules::plan_address(*way.hop.address, settings_.ourselves, settings);
  } else if (const auto address = literal_address(domain)) {
    co_return rules::plan_address(*address, settings_.ourselves, settings);
  }
  co_return co_await look_up(std::move(hosts), settings, deadline);
}

world::Task<rules::TargetPlan> TargetFinder::find(rules::Way way, std::string domain) {
  auto hosts = co_await find_hosts(way, domain);
  if (auto* nowhere = std::get_if<rules::Unroutable>(&hosts)) co_return std::move(*nowhere);
  co_return co_await find_targets(way, domain, std::get<std::vector<rules::MailHost>>(std::move(hosts)));
}

std::string TargetFinder::destination_key(const rules::Way& way, std::string_view domain,
                                          std::span<const rules::MailHost> hosts) const {
  if (way.kind != rules::Way::Kind::mx || literal_address(domain)) return rules::Routing::destination_key(way, domain);
  return rules::destination_key(hosts, settings_.mx.port);
}

world::Task<rules::AddressAnswer> TargetFinder::find_addresses(std::string host, MonotonicTime deadline) {
  rules::AddressAnswer found{LookupStatus::no_records, LookupStatus::no_records, {}};
  if (settings_.mx.families != rules::AddressFamilies::ipv6) {
    const auto v4 = co_await world_.resolver.query(host, world::DnsType::a, deadline);
    found.v4 = status_of(v4);
    add_addresses(v4, found.addresses);
  }
  if (settings_.mx.families != rules::AddressFamilies::ipv4) {
    const auto v6 = co_await world_.resolver.query(host, world::DnsType::aaaa, deadline);
    found.v6 = status_of(v6);
    add_addresses(v6, found.addresses);
  }
  co_return found;
}

world::Task<rules::TargetPlan> TargetFinder::look_up(std::vector<rules::MailHost> hosts, rules::MxSettings settings,
                                                     MonotonicTime deadline) {
  std::vector<rules::FoundHost> found;
  for (auto& host : hosts) {
    auto answer = co_await find_addresses(host.name, deadline);
    found.push_back({std::move(host), std::move(answer)});
  }
  co_return rules::plan_targets(found, settings_.ourselves, settings, world_.random.next());
}

}  // namespace posthorn::service
