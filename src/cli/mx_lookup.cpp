#include "cli/mx_lookup.hpp"

#include "cli/client_world.hpp"
#include "service/target_finder.hpp"
#include "system/dns_service.hpp"
#include "system/unbound_resolver.hpp"
#include "world/silent_log.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace posthorn::cli {
namespace {

service::TargetFinderSettings settings_of(const MxQuestion& question) {
  service::TargetFinderSettings settings;
  settings.mx = {.port = question.port, .families = question.families, .allow_loopback = true};
  settings.timeout = question.timeout;
  return settings;
}

world::Task<MxHost> find_addresses(service::TargetFinder& finder, const std::string& domain, rules::MailHost host) {
  MxHost found{.name = host.name, .preference = host.preference, .endpoints = {}, .why = {}};
  const auto plan = co_await finder.find_targets({.kind = rules::Way::Kind::mx}, domain, {std::move(host)});
  if (const auto* nowhere = std::get_if<rules::Unroutable>(&plan)) {
    found.why = nowhere->text;
  } else {
    for (const auto& target : std::get<std::vector<rules::Target>>(plan)) found.endpoints.push_back(target.endpoint);
  }
  co_return found;
}

world::Task<Result<std::vector<MxHost>>> find_all(service::TargetFinder& finder, const std::string& domain) {
  auto hosts = co_await finder.find_hosts({.kind = rules::Way::Kind::mx}, domain);
  if (const auto* nowhere = std::get_if<rules::Unroutable>(&hosts))
    co_return failure(Error::Kind::not_found, nowhere->text);
  std::vector<MxHost> found;
  for (auto& host : std::get<std::vector<rules::MailHost>>(hosts)) {
    found.push_back(co_await find_addresses(finder, domain, std::move(host)));
  }
  co_return found;
}

}  // namespace

Result<std::vector<MxHost>> find_mx_hosts(const MxQuestion& question) {
  auto world = ClientWorld::make();
  if (!world) return failure(std::move(world.error()));
  world::SilentLog log;
  const system::SystemClock clock;
  system::KernelRandom random;
  auto dns =
      system::DnsService::make({.servers = question.dns_servers, .trust_anchor = question.trust_anchor}, clock, log);
  if (!dns) return failure(std::move(dns.error()).context("DNS"));
  system::UnboundResolver resolver((*world)->loop(), **dns);
  service::TargetFinder finder({(*world)->loop(), resolver, random}, settings_of(question));
  return (*world)->run(find_all(finder, question.domain));
}

}  // namespace posthorn::cli
