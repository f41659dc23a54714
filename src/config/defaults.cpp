#include "config/defaults.hpp"

#include "mail/domain.hpp"

#include <array>

namespace posthorn::config {
namespace {

/// A host that has no name that mail knows is "localhost" to itself.
std::string usable_host_name(const std::string& name) {
  const auto domain = mail::Domain::parse(name);
  return domain && !domain->is_literal() ? domain->text() : "localhost";
}

}  // namespace

std::vector<Endpoint> everywhere(std::uint16_t port) { return {{IpAddress{}, port}, {IpAddress::v6({}), port}}; }

std::vector<Endpoint> on_loopback(std::uint16_t port) {
  std::array<std::uint8_t, 16> one{};
  one.back() = 1;
  return {{IpAddress::v4({127, 0, 0, 1}), port}, {IpAddress::v6(one), port}};
}

std::vector<Listener> default_listeners(bool may_bind_low_ports) {
  using enum ListenerRole;
  using enum ListenerTls;
  if (may_bind_low_ports) {
    return {
        {.addresses = everywhere(25), .role = mx, .tls = starttls},
        {.addresses = on_loopback(25), .role = relay, .tls = starttls},
        {.addresses = everywhere(465), .role = submission, .tls = implicit},
        {.addresses = everywhere(587), .role = submission, .tls = starttls},
    };
  }
  return {
      {.addresses = on_loopback(2525), .role = relay, .tls = starttls},
      {.addresses = on_loopback(2465), .role = submission, .tls = implicit},
      {.addresses = on_loopback(2587), .role = submission, .tls = starttls},
  };
}

Configuration complete(Configuration configuration, const MachineFacts& facts) {
  if (configuration.hostname.empty()) configuration.hostname = usable_host_name(facts.host_name);
  if (configuration.domains.empty()) {
    configuration.domains = {configuration.hostname};
    if (configuration.hostname != "localhost") configuration.domains.emplace_back("localhost");
  }
  if (configuration.listeners.empty()) configuration.listeners = default_listeners(facts.may_bind_low_ports);
  if (configuration.admin.socket.empty()) configuration.admin.socket = configuration.state + "/admin.sock";
  if (configuration.sendmail.folder.empty()) configuration.sendmail.folder = configuration.state + "/drop";
  return configuration;
}

}  // namespace posthorn::config
