// Listening sockets, bound as a step of their own: early, with the rights to do it, and handed to the loops later.
// TCP sockets share their port among the loops (SO_REUSEPORT), and a specific address goes before the wildcard on the same
// port. UNIX sockets are made with mode 0600 and never over a link, a file or a socket that somebody serves.
#pragma once

#include "base/result.hpp"
#include "system/descriptor.hpp"
#include "world/network.hpp"

#include <span>
#include <string>
#include <vector>

namespace posthorn::system {

struct ListenAddress {
  world::PeerAddress address;
  std::string interface;  ///< takes only what comes in by it (SO_BINDTODEVICE); empty: any

  /// "0.0.0.0:25", "[::]:25 on eth0", "/run/posthorn/admin.sock"
  [[nodiscard]] std::string to_text() const;
};

/// Sockets that listen already: connections wait in the backlog until an acceptor takes them.
struct BoundListener {
  ListenAddress asked;
  world::PeerAddress local;         ///< with the port that was chosen, where 0 was asked
  std::vector<Descriptor> sockets;  ///< one per loop; a UNIX socket has one in all
};

struct BindSettings {
  unsigned loops = 1;
  int backlog = 4'096;
};

/// Binds all or none. `held` are listeners that we have already: a port that another process holds is `in_use`, while
/// our own wildcard beside a specific address is no fault. Errors: in_use, not_permitted (a port below 1024), unreachable
/// (no such address or interface), is_link and exists (UNIX paths).
Result<std::vector<BoundListener>> bind_listeners(std::span<const ListenAddress> addresses,
                                                  const BindSettings& settings,
                                                  std::span<const ListenAddress> held = {});

/// Sockets that another process bound and gave us, one per loop.
[[nodiscard]] BoundListener adopt_listener(std::vector<Descriptor> sockets);

}  // namespace posthorn::system
