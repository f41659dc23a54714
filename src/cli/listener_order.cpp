#include "cli/listener_order.hpp"

#include "cli/serve_settings.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

std::vector<Endpoint> sorted(std::vector<Endpoint> addresses) {
  std::ranges::sort(addresses);
  return addresses;
}

bool listen_at_the_same(const config::Listener& one, const config::Listener& other) {
  return one.interface == other.interface && one.port == other.port && sorted(one.addresses) == sorted(other.addresses);
}

/// Sockets of port 0 can have the same words in the file and yet be different ones: the first goes with the first.
std::optional<std::size_t> find_free(const config::Listener& bound, const std::vector<config::Listener>& now,
                                     const std::vector<bool>& is_taken) {
  for (std::size_t place = 0; place < now.size(); ++place) {
    if (!is_taken[place] && listen_at_the_same(bound, now[place])) return place;
  }
  return std::nullopt;
}

/// Then nothing says whether the file exchanged them or changed their roles, and to guess wrong would open a relay.
bool is_one_of_several_alike(const config::Listener& bound, const std::vector<config::Listener>& all) {
  return std::ranges::count_if(all, [&](const auto& each) { return listen_at_the_same(bound, each); }) > 1;
}

}  // namespace

std::string name_of(const config::Listener& listener) {
  std::string name(to_text(listener.role));
  for (const auto& address : listener.addresses) name += " " + address.to_string();
  if (listener.addresses.empty() && !listener.interface.empty())
    name += " " + listener.interface + ":" + std::to_string(listener.port);
  return name;
}

std::expected<ListenerOrder, std::vector<ListenerMismatch>> find_listener_order(
    const std::vector<config::Listener>& bound, const std::vector<config::Listener>& now) {
  ListenerOrder order;
  std::vector<ListenerMismatch> mismatches;
  std::vector<bool> is_taken(now.size(), false);
  for (const auto& listener : bound) {
    const auto place = find_free(listener, now, is_taken);
    if (!place) {
      mismatches.push_back({std::nullopt, "listener " + name_of(listener) + " is served and not in the file"});
      continue;
    }
    is_taken[*place] = true;
    order.push_back(static_cast<std::uint32_t>(*place));
    if (now[*place].role != listener.role && is_one_of_several_alike(listener, bound)) {
      mismatches.push_back({*place, "listener " + name_of(now[*place]) + " has another role than the " +
                                        name_of(listener) + " that is served, and several are written alike"});
    }
  }
  for (std::size_t place = 0; place < now.size(); ++place) {
    if (!is_taken[place]) mismatches.push_back({place, "listener " + name_of(now[place]) + " has no socket"});
  }
  if (!mismatches.empty()) return std::unexpected(std::move(mismatches));
  return order;
}

bool belong_together(const std::vector<config::Listener>& bound, const std::vector<config::Listener>& now) {
  return std::ranges::equal(bound, now, listen_at_the_same);
}

bool arrange_listeners(std::vector<config::Listener>& listeners, const ListenerOrder& order) {
  std::vector<bool> is_taken(listeners.size(), false);
  for (const auto place : order) {
    if (place >= listeners.size() || is_taken[place]) return false;
    is_taken[place] = true;
  }
  if (order.size() != listeners.size()) return false;
  std::vector<config::Listener> arranged;
  for (const auto place : order) arranged.push_back(std::move(listeners[place]));
  listeners = std::move(arranged);
  return true;
}

}  // namespace posthorn::cli
