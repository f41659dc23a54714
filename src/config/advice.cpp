#include "config/advice.hpp"

#include "config/kinds.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace posthorn::config {
namespace {

constexpr std::uint16_t submissions_port = 465;
constexpr std::uint32_t least_recipients = 100;
constexpr std::uint64_t least_message_size = 64U << 10;

std::string text_of(const Listener& listener) {
  if (!listener.interface.empty()) return fmt::format("{}:{}", listener.interface, listener.port);
  return listener.addresses.front().to_string();
}

bool is_local(const Listener& listener) {
  if (!listener.interface.empty()) return listener.interface == "lo";
  return std::ranges::all_of(listener.addresses, [](const Endpoint& at) { return at.address.is_loopback(); });
}

bool has_port(const Listener& listener, std::uint16_t port) {
  return listener.port == port ||
         std::ranges::any_of(listener.addresses, [=](const Endpoint& at) { return at.port == port; });
}

void advise_on_listener(const Listener& listener, std::vector<Advice>& advice) {
  if (listener.role == ListenerRole::relay && !is_local(listener)) {
    advice.push_back(
        {"listener.role", fmt::format("{} lets everybody who reaches it send anywhere (an open relay); keep "
                                      "relay to loopback, or make it \"submission\"",
                                      text_of(listener))});
  }
  if (listener.role == ListenerRole::submission && listener.tls == ListenerTls::none) {
    advice.push_back(
        {"listener.tls",
         fmt::format("{} has no TLS: passwords cannot be sent there, only SCRAM can be used", text_of(listener))});
  }
  if (has_port(listener, submissions_port) && listener.tls != ListenerTls::implicit) {
    advice.push_back({"listener.tls", "clients expect TLS from the first byte on port 465; write tls = \"implicit\""});
  }
}

void advise_on_paths(const Configuration& configuration, std::vector<Advice>& advice) {
  const auto& [state, mailbox] = std::tie(configuration.state, configuration.mailbox);
  for (const auto& [key, path] :
       {std::pair{"state", state}, {"mailbox.root", mailbox.root}, {"mailbox.users", mailbox.users}}) {
    if (!path.starts_with('/')) {
      advice.push_back({key, "is not a whole path: what it means depends on the folder the server is started in"});
    }
  }
}

void advise_on_rights(const Process& process, std::vector<Advice>& advice) {
  if (process.user.empty()) {
    advice.push_back({"process.user", "is empty: the server keeps all rights of whoever starts it"});
  } else if (process.user == "root") {
    advice.push_back({"process.user", "is root: the server keeps every right there is; make an account for it"});
  }
  if (process.sandbox == Sandbox::off) advice.push_back({"process.sandbox", "is off: nothing locks the server in"});
}

void advise_on_delivery(const Configuration& configuration, std::vector<Advice>& advice) {
  const auto& queue = configuration.queue;
  if (queue.warn != Duration{} && queue.warn >= queue.expire) {
    advice.push_back({"queue.warn", fmt::format("is not below expire ({}): nobody is ever told that mail is late",
                                                duration_text(queue.expire))});
  }
  if (queue.paused) advice.push_back({"queue.paused", "is true: mail is taken in and none is delivered"});
  if (configuration.remote.tls == RemoteTls::none) {
    advice.push_back({"remote.tls", "is none: all mail leaves in the clear; \"may\" costs nothing"});
  }
  // RFC 5321 §4.5.3.1.8: at least 100 recipients are to be taken.
  if (configuration.limits.recipients < least_recipients) {
    advice.push_back({"limits.recipients", "is below 100, which every server must take"});
  }
  // RFC 5321 §4.5.3.1.7: at least 64 KiB are to be taken.
  if (configuration.limits.message_size < least_message_size) {
    advice.push_back({"limits.message_size", "is below 64KiB, which every server must take"});
  }
}

}  // namespace

std::vector<Advice> advice_on_routes(const Configuration& configuration) {
  std::vector<Advice> advice;
  for (const auto& route : configuration.routes) {
    for (const auto& domain : route.domains) {
      if (std::ranges::find(configuration.domains, domain) == configuration.domains.end()) continue;
      advice.push_back({"route.domain", fmt::format("{} is one of our own `domains`: its mail goes into mailboxes, and "
                                                    "the route to {} is never taken; lead its names by aliases to a "
                                                    "domain that is routed",
                                                    domain, route.to.to_string())});
    }
  }
  return advice;
}

std::vector<Advice> advice_on(const Configuration& configuration) {
  std::vector<Advice> advice;
  for (const auto& listener : configuration.listeners) advise_on_listener(listener, advice);
  advise_on_paths(configuration, advice);
  advise_on_rights(configuration.process, advice);
  advise_on_delivery(configuration, advice);
  std::ranges::move(advice_on_routes(configuration), std::back_inserter(advice));
  return advice;
}

}  // namespace posthorn::config
