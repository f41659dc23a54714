#include "config/settings.hpp"

#include "config/kinds.hpp"

#include <fmt/core.h>

#include <map>
#include <set>

namespace posthorn::config {
namespace {

/// The place of the n-th table of [[name]].
Place place_of_element(std::string_view name, std::size_t index, const Value& root) {
  const auto* entries = std::get_if<Table>(&root.content);
  if (entries == nullptr) return root.place;
  const auto found = std::ranges::find(*entries, name, &Entry::key);
  const auto* array = found == entries->end() ? nullptr : std::get_if<Array>(&found->value.content);
  return array != nullptr && index < array->size() ? (*array)[index].place : root.place;
}

void check_listeners(const Configuration& configuration, const Value& root, Reading& reading) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < configuration.listeners.size(); ++i) {
    const auto& listener = configuration.listeners[i];
    std::vector<std::string> sockets;
    for (const auto& address : listener.addresses) {
      if (address.port != 0) sockets.push_back(address.to_string());
    }
    if (!listener.interface.empty()) sockets.push_back(fmt::format("{}:{}", listener.interface, listener.port));
    for (auto& socket : sockets) {
      const Reading::Within within(reading, "listener");
      const auto text = fmt::format("{} is listened on twice", socket);
      if (!seen.insert(std::move(socket)).second) reading.fault(place_of_element("listener", i, root), text);
    }
  }
}

void check_routes(const Configuration& configuration, const Value& root, Reading& reading) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < configuration.routes.size(); ++i) {
    for (const auto& domain : configuration.routes[i].domains) {
      if (seen.insert(domain).second) continue;
      const Reading::Within within(reading, "route");
      reading.fault(place_of_element("route", i, root), fmt::format("\"{}\" has a route already", domain));
    }
  }
}

void check_whole(const Configuration& configuration, const Value& root, Reading& reading) {
  check_listeners(configuration, root, reading);
  check_routes(configuration, root, reading);
}

void add_paths(const std::vector<SettingFacts>& settings, const std::string& prefix, std::vector<std::string>& paths) {
  for (const auto& setting : settings) {
    const auto path = prefix + setting.name;
    if (setting.is_table) {
      add_paths(setting.below, path + ".", paths);
    } else if (!prefix.empty()) {
      paths.push_back(path);
    }
  }
}

}  // namespace

std::vector<std::string> paths_of(const std::vector<SettingFacts>& settings) {
  std::vector<std::string> paths;
  add_paths(settings, "", paths);
  return paths;
}

Kind<Configuration> configuration_kind() {
  return table<Configuration>(
      {
          key("hostname", &Configuration::hostname, domain_name(),
              "The name the server greets with and signs its trace fields with.")
              .by_default("the system's host name", "\"mx.example.org\""),
          key("domains", &Configuration::domains, list_of(domain_name(), 1), "Mail for these domains is ours.")
              .by_default("the hostname, and \"localhost\"", "[\"example.org\", \"example.net\"]"),
          key("state", &Configuration::state, path(), "The folder of the spool and of everything that must survive."),
          key("listener", &Configuration::listeners, list_of(listener_kind()),
              "Where the server listens. Without any: mx on every address and relay on loopback, both on port 25, "
              "submission on 465 (implicit TLS) and 587 (STARTTLS); without the right to ports below 1024: on loopback "
              "only, relay on 2525, submission on 2465 and 2587."),
          key("tls", &Configuration::tls, tls_kind(), "The certificates that the server shows."),
          key("mailbox", &Configuration::mailbox, mailbox_kind(), "Users and their mailboxes."),
          key("spool", &Configuration::spool, spool_kind(), "The store of accepted messages."),
          key("queue", &Configuration::queue, queue_kind(), "What waits to be delivered, and how long."),
          key("remote", &Configuration::remote, remote_kind(), "Sending to other servers."),
          key("route", &Configuration::routes, list_of(route_kind()),
              "Where mail for some domains goes instead of to their MX."),
          key("dns", &Configuration::dns, dns_kind(), "Looking up names."),
          key("process", &Configuration::process, process_kind(), "The rights of the server's processes."),
          key("limits", &Configuration::limits, limits_kind(), "What clients may use up."),
          key("smtp", &Configuration::smtp, smtp_kind(), "What the server says."),
          key("submission", &Configuration::submission, submission_kind(), "Mail from users who authenticated."),
          key("sendmail", &Configuration::sendmail, sendmail_kind(),
              "Mail that programs of this machine hand in by sendmail."),
          key("auth", &Configuration::auth, auth_kind(), "How users prove who they are."),
          key("log", &Configuration::log, log_kind(), "The log."),
          key("admin", &Configuration::admin, admin_kind(), "The control interface."),
      },
      check_whole);
}

}  // namespace posthorn::config
