#include "system/listeners.hpp"

#include "system/socket_address.hpp"
#include "system/system_error.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

namespace posthorn::system {
namespace {

Result<> set_option(int socket, int level, int name, int value, std::string_view doing) {
  if (::setsockopt(socket, level, name, &value, sizeof value) != 0) return system_failure(doing);
  return {};
}

Result<Descriptor> make_socket(const SocketAddress& address) {
  Descriptor socket{::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket.is_open()) return system_failure("make a socket");
  return socket;
}

Result<> bind_to_interface(int socket, const std::string& interface) {
  if (interface.empty()) return {};
  const auto size = static_cast<socklen_t>(interface.size());
  if (::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface.data(), size) != 0) {
    return system_failure("bind to the interface " + interface);
  }
  return {};
}

/// What accepted connections inherit, too.
Result<> prepare_tcp(int socket, const ListenAddress& where, const SocketAddress& address, bool shared) {
  auto done = set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1, "share an address");
  if (done && shared) done = set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1, "share a port");
  if (done && address.family() == AF_INET6) done = set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1, "take IPv6 only");
  if (done) done = set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, "send without delay");
  if (done) done = bind_to_interface(socket, where.interface);
  return done;
}

Result<Descriptor> bind_and_listen(Descriptor socket, const SocketAddress& address, int backlog) {
  if (::bind(socket.get(), address.get(), address.size()) != 0) return system_failure("bind");
  if (::listen(socket.get(), backlog) != 0) return system_failure("listen");
  return socket;
}

Result<Descriptor> bind_tcp(const ListenAddress& where, const Endpoint& endpoint, int backlog, bool shared) {
  const auto address = SocketAddress::from(endpoint);
  if (!address) return failure(address.error());
  auto socket = make_socket(*address);
  if (!socket) return socket;
  if (auto prepared = prepare_tcp(socket->get(), where, *address, shared); !prepared) return failure(prepared.error());
  return bind_and_listen(std::move(*socket), *address, backlog);
}

const Endpoint* endpoint_of(const ListenAddress& where) { return std::get_if<Endpoint>(&where.address); }

/// With SO_REUSEPORT a second server of the same account would bind beside us and take half of the mail, so a port is
/// bound once without it, for a moment, before it is bound in earnest.
Result<> look_for_others(const ListenAddress& where, std::span<const ListenAddress> held) {
  const auto* endpoint = endpoint_of(where);
  if (endpoint == nullptr || endpoint->port == 0) return {};
  const bool ours = std::ranges::any_of(held, [&](const ListenAddress& other) {
    const auto* held_endpoint = endpoint_of(other);
    return held_endpoint != nullptr && held_endpoint->port == endpoint->port;
  });
  if (ours) return {};
  const auto probe = bind_tcp(where, *endpoint, 1, false);
  return probe ? Result<>{} : failure(probe.error());
}

/// A socket file that nobody listens on any more is ours to remove; all else stays.
Result<> clear_path(const std::string& path, const SocketAddress& address) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return errno == ENOENT ? Result<>{} : system_failure("look at it");
  if (S_ISLNK(facts.st_mode)) return failure(Error::Kind::is_link, "it is a symbolic link; remove it");
  if (!S_ISSOCK(facts.st_mode)) return failure(Error::Kind::exists, "it is not a socket; remove it");
  auto caller = make_socket(address);
  if (!caller) return failure(caller.error());
  if (::connect(caller->get(), address.get(), address.size()) == 0 || errno != ECONNREFUSED) {
    return failure(Error::Kind::in_use, "another process serves it");
  }
  if (::unlink(path.c_str()) != 0) return system_failure("remove the old socket");
  return {};
}

Result<Descriptor> bind_unix(const std::string& path, int backlog) {
  const auto address = SocketAddress::from(world::UnixPath{path});
  if (!address) return failure(address.error());
  if (auto cleared = clear_path(path, *address); !cleared) return failure(cleared.error());
  auto socket = make_socket(*address);
  if (!socket) return socket;
  // The file is made with the socket's own mode: there is no moment at which others may connect.
  if (::fchmod(socket->get(), S_IRUSR | S_IWUSR) != 0) return system_failure("set its mode");
  return bind_and_listen(std::move(*socket), *address, backlog);
}

Result<BoundListener> bind_one(const ListenAddress& where, const BindSettings& settings) {
  BoundListener bound{.asked = where, .local = where.address, .sockets = {}};
  const auto* endpoint = endpoint_of(where);
  const auto copies = endpoint == nullptr ? 1U : settings.loops;
  for (unsigned i = 0; i < copies; ++i) {
    auto socket = endpoint == nullptr ? bind_unix(std::get<world::UnixPath>(where.address).path, settings.backlog)
                                      : bind_tcp(where, std::get<Endpoint>(bound.local), settings.backlog, true);
    if (!socket) return failure(std::move(socket.error()));
    if (endpoint != nullptr) bound.local = local_address(socket->get());
    bound.sockets.push_back(std::move(*socket));
  }
  return bound;
}

/// Linux gives a connection to the first group of SO_REUSEPORT sockets that fits its address and port, also when one that
/// is bound to the very interface comes later. It looks at IPv6 sockets in the order in which they were bound and at IPv4
/// sockets in the reverse order, so that those of an interface are bound first and last.
int binding_rank(const ListenAddress& where) {
  const auto* endpoint = endpoint_of(where);
  if (endpoint == nullptr || where.interface.empty()) return 1;
  return endpoint->address.is_v6() ? 0 : 2;
}

/// Places in `addresses`.
std::vector<std::size_t> binding_order(std::span<const ListenAddress> addresses) {
  std::vector<std::size_t> order(addresses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t place) { return std::pair{binding_rank(addresses[place]), place}; });
  return order;
}

}  // namespace

std::string ListenAddress::to_text() const {
  const auto text = system::to_text(address);
  return interface.empty() ? text : text + " on " + interface;
}

Result<std::vector<BoundListener>> bind_listeners(std::span<const ListenAddress> addresses,
                                                  const BindSettings& settings, std::span<const ListenAddress> held) {
  for (const auto& where : addresses) {
    if (auto free = look_for_others(where, held); !free) {
      return failure(std::move(free.error()).context("listen on " + where.to_text()));
    }
  }
  std::vector<BoundListener> all(addresses.size());
  for (const auto place : binding_order(addresses)) {
    const auto& where = addresses[place];
    auto bound = bind_one(where, settings);
    if (!bound) return failure(std::move(bound.error()).context("listen on " + where.to_text()));
    all[place] = std::move(*bound);
  }
  return all;
}

BoundListener adopt_listener(std::vector<Descriptor> sockets) {
  const world::PeerAddress local = local_address(sockets.front().get());
  return {.asked = {.address = local, .interface = {}}, .local = local, .sockets = std::move(sockets)};
}

}  // namespace posthorn::system
