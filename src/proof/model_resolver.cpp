#include "proof/model_resolver.hpp"

#include "world/wait.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;
using world::DnsAnswer;
using world::DnsType;

/// The set of hosts that an answer names, as one text.
std::string hosts_in(const DnsAnswer& answer) {
  std::set<std::string> hosts;
  for (const auto& record : answer.records) {
    if (const auto* exchange = std::get_if<world::MxRecord>(&record)) hosts.insert(exchange->host);
  }
  std::string text;
  for (const auto& host : hosts) text.append(host).append(1, ' ');
  return text;
}

}  // namespace

Endpoint ModelResolver::server_of(std::size_t domain, std::size_t server) {
  return {*IpAddress::parse(fmt::format("198.51.100.{}", 10 * (domain + 1) + server)), 25};
}

ModelResolver::ModelResolver(sim::Loop& loop, sim::Random& random, const Plan& plan, Trace& trace, Ledger& ledger)
    : loop_(loop), random_(random), plan_(plan), trace_(trace), ledger_(ledger), zone_(loop) {
  for (std::size_t domain = 0; domain < std::size(served_domains); ++domain) {
    const std::string name = served_domains[domain];
    for (std::size_t server = 0; server < 2; ++server) {
      const auto host = fmt::format("mx{}.{}", server, name);
      zone_.add(name, DnsType::mx, world::MxRecord{static_cast<std::uint16_t>(10 * (server + 1)), host});
      zone_.add(host, DnsType::a, server_of(domain, server).address);
    }
  }
  zone_.add("null.example", DnsType::mx, world::MxRecord{0, ""});
}

/// What a resolver that is broken, or somebody else's, may say; nothing of it may lose mail (F36) or send it round in circles.
DnsAnswer ModelResolver::lie(DnsAnswer answer, const std::string& name, DnsType type) {
  trace_.note("resolver", "lies about", name, {});
  if (type != DnsType::mx) {
    // A host that is not there, or this machine: mail that would come back to us rightly fails.
    ledger_.cause_for_failure_of_domain(name.substr(name.find('.') + 1));
    const auto* address = random_.chance(50) ? "203.0.113.99" : "127.0.0.1";
    return {.status = DnsAnswer::Status::found, .records = {*IpAddress::parse(address)}};
  }
  switch (random_.below(4)) {
    case 0:
      answer.records.insert(answer.records.begin(), world::MxRecord{1, "gone.invalid"});
      break;
    case 1:
      answer.records.insert(answer.records.begin(), world::MxRecord{1, our_hostname});
      break;
    case 2:
      for (int i = 0; i < 500; ++i) answer.records.emplace_back(world::MxRecord{5, fmt::format("mx{}.invalid", i)});
      break;
    default:
      ledger_.cause_for_failure_of_domain(name);
      return {.status = DnsAnswer::Status::no_name};
  }
  answer.status = DnsAnswer::Status::found;
  // A set of hosts that is all lies may rightly be the end (a loop to ourselves).
  ledger_.cause_for_failure_of_domain(name);
  return answer;
}

bool ModelResolver::is_out() const {
  const auto now = loop_.now().time_since_epoch();
  return !is_calm_ && std::ranges::any_of(plan_.resolver_outages, [now](const PlannedAbsence& outage) {
    return outage.at <= now && now < outage.at + outage.length;
  });
}

world::Task<DnsAnswer> ModelResolver::query(std::string name, DnsType type, MonotonicTime deadline) {
  if (is_out()) {
    trace_.note("resolver", "is out, asked for", name, {});
    co_await world::sleep_until(loop_, deadline);
    co_return DnsAnswer{.why = "no resolver answers"};
  }
  const Duration wait = std::chrono::milliseconds{is_calm_ ? 1 : random_.between(1, 200)};
  co_await world::sleep_until(loop_, std::min(after(loop_.now(), wait), deadline));
  if (!is_calm_ && random_.chance(plan_.resolver_failures)) {
    trace_.note("resolver", "fails for", name, {});
    co_return DnsAnswer{.why = "the simulated resolver failed"};
  }
  auto answer = co_await zone_.query(name, type, deadline);
  if (!is_calm_ && plan_.changing_mx && type == DnsType::mx && answer.records.size() > 1 && random_.chance(50)) {
    answer.records.erase(answer.records.begin() + static_cast<std::ptrdiff_t>(random_.below(answer.records.size())));
  }
  if (!is_calm_ && random_.chance(plan_.resolver_lies)) answer = lie(std::move(answer), name, type);
  if (type == DnsType::mx) ledger_.hosts_were_named(name, hosts_in(answer));
  trace_.note("resolver", name, fmt::format("{} records", answer.records.size()), {});
  co_return answer;
}

}  // namespace posthorn::proof
