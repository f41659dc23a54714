#include "cli/client_world.hpp"

#include "mail/domain.hpp"
#include "system/machine.hpp"

namespace posthorn::cli {
namespace {

const world::Clock& real_clock() {
  static const system::SystemClock clock;
  return clock;
}

}  // namespace

Result<std::unique_ptr<ClientWorld>> ClientWorld::make() {
  auto loop = system::EventLoop::make(real_clock());
  if (!loop) return failure(std::move(loop.error()));
  return std::make_unique<ClientWorld>(std::move(*loop));
}

ClientWorld::ClientWorld(std::unique_ptr<system::EventLoop> loop)
    : loop_(std::move(loop)), environment_(*loop_, workers_), network_(environment_) {}

ClientWorld::~ClientWorld() { workers_.end(); }

std::string without_brackets(std::string host) {
  if (!host.starts_with('[') || !host.ends_with(']')) return host;
  return host.substr(1, host.size() - 2);
}

Result<std::vector<Endpoint>> find_endpoints(const std::string& host, std::uint16_t port, system::HostFamily family,
                                             Duration limit) {
  const auto name = without_brackets(host);
  std::vector<IpAddress> addresses;
  if (const auto literal = IpAddress::parse(name)) {
    const bool fits = family == system::HostFamily::any || literal->is_v4() == (family == system::HostFamily::v4);
    if (!fits) return failure(Error::Kind::not_found, name + ": it is not an address of that family");
    addresses.push_back(*literal);
  } else {
    auto domain = mail::Domain::parse(name);
    if (!domain) return failure(Error::Kind::not_found, "that is no host name: " + domain.error().text);
    auto found = system::look_up_host(domain->text(), family, limit);
    if (!found) return failure(std::move(found.error()));
    addresses = std::move(*found);
  }
  std::vector<Endpoint> endpoints;
  for (const auto& address : addresses) endpoints.push_back({address, port});
  return endpoints;
}

std::string own_hello_name() {
  const auto name = mail::Domain::parse(system::host_name());
  return name && !name->is_literal() ? name->text() : "[127.0.0.1]";
}

}  // namespace posthorn::cli
