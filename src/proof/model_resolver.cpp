#include "proof/model_resolver.hpp"

#include "world/wait.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;
using world::DnsAnswer;
using world::DnsType;

}  // namespace

Endpoint ModelResolver::server_of(std::size_t domain, std::size_t server) {
  return {*IpAddress::parse(fmt::format("198.51.100.{}", 10 * (domain + 1) + server)), 25};
}

ModelResolver::ModelResolver(sim::Loop& loop, sim::Random& random, const Plan& plan, Trace& trace)
    : loop_(loop), random_(random), plan_(plan), trace_(trace), zone_(loop) {
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

world::Task<DnsAnswer> ModelResolver::query(std::string name, DnsType type, MonotonicTime deadline) {
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
  trace_.note("resolver", name, fmt::format("{} records", answer.records.size()), {});
  co_return answer;
}

}  // namespace posthorn::proof
