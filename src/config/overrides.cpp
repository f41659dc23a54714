#include "config/overrides.hpp"

#include "base/clean_text.hpp"
#include "config/kinds.hpp"
#include "config/settings.hpp"

#include <fmt/core.h>

#include <utility>

namespace posthorn::config {
namespace {

constexpr std::string_view loopback_interface = "lo";

/// Reads what an option was given as the setting it stands for would be read.
template <class T>
std::optional<std::string> set(std::string_view option, const Kind<T>& kind, const std::string& given, T& into) {
  Reading reading;
  auto value = kind.read({{}, given}, reading);
  if (!value) return fmt::format("{}: {}", option, reading.take_faults().front().text);
  into = std::move(*value);
  return std::nullopt;
}

std::optional<std::string> set_domains(const std::vector<std::string>& given, Configuration& configuration) {
  if (!given.empty()) configuration.domains.clear();
  for (const auto& domain : given) {
    auto& slot = configuration.domains.emplace_back();
    if (auto fault = set("--domain", domain_name(), domain, slot)) return fault;
  }
  return std::nullopt;
}

std::optional<std::string> set_listener(const Overrides& overrides, bool may_bind_low_ports,
                                        Configuration& configuration) {
  if (!overrides.port && !overrides.interface && !overrides.loopback) return std::nullopt;
  const std::string interface = overrides.interface.value_or("");
  if (overrides.loopback && !interface.empty() && interface != loopback_interface) {
    return "--loopback: cannot stand beside --interface " + LogText(interface).text();
  }
  if (overrides.interface && interface.empty()) return "--interface: must be the name of a network interface";
  const auto port = overrides.port.value_or(may_bind_low_ports ? 25 : 2525);
  const bool is_local = overrides.loopback || interface == loopback_interface;
  Listener listener{.role = is_local ? ListenerRole::relay : ListenerRole::mx, .tls = ListenerTls::starttls};
  if (interface.empty()) {
    // By name, too: then another server may have the same port of every address of another interface.
    if (is_local) listener.interface = loopback_interface;
    listener.addresses = is_local ? on_loopback(port) : everywhere(port);
  } else {
    listener.port = port;
    if (auto fault = set("--interface", interface_name(), interface, listener.interface)) return fault;
  }
  configuration.listeners = {std::move(listener)};
  // Everywhere is on loopback too, and the more specific socket wins.
  const bool is_everywhere = !is_local && interface.empty();
  if (is_everywhere) {
    configuration.listeners.push_back(
        {.addresses = on_loopback(port), .role = ListenerRole::relay, .tls = ListenerTls::starttls});
  }
  return std::nullopt;
}

std::optional<std::string> set_all(const Overrides& overrides, const MachineFacts& facts, Configuration& into) {
  std::optional<std::string> fault;
  const auto given = [&](const std::optional<std::string>& option) { return !fault && option; };
  if (given(overrides.mail_root)) fault = set("--mail-root", path(), *overrides.mail_root, into.mailbox.root);
  if (given(overrides.users_file)) fault = set("--users", path(), *overrides.users_file, into.mailbox.users);
  if (given(overrides.log_file)) fault = set("--log", path_or_empty(), *overrides.log_file, into.log.file);
  if (given(overrides.log_level)) fault = set("--log-level", log_level(), *overrides.log_level, into.log.level);
  if (overrides.debug) into.log.level = world::LogLevel::debug;
  if (!fault) fault = set_domains(overrides.domains, into);
  if (!fault) fault = set_listener(overrides, facts.may_bind_low_ports, into);
  return fault;
}

}  // namespace

std::expected<Configuration, std::string> apply(const Overrides& overrides, Configuration configuration,
                                                const MachineFacts& facts) {
  if (auto fault = set_all(overrides, facts, configuration)) return std::unexpected(std::move(*fault));
  return configuration;
}

}  // namespace posthorn::config
