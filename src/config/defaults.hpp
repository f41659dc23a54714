// The defaults that depend on the machine, as plain functions of values: whoever calls them has asked the system.
#pragma once

#include "config/configuration.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::config {

struct MachineFacts {
  std::string host_name;            ///< as the system gives it; may be anything
  bool may_bind_low_ports = false;  ///< ports below 1024: root, or CAP_NET_BIND_SERVICE
};

/// Fills in what the file left open: hostname, domains, listeners, the admin socket.
[[nodiscard]] Configuration complete(Configuration configuration, const MachineFacts& facts);

/// The listeners of a configuration that names none.
[[nodiscard]] std::vector<Listener> default_listeners(bool may_bind_low_ports);

/// 0.0.0.0 and ::, or 127.0.0.1 and ::1, on this port.
[[nodiscard]] std::vector<Endpoint> everywhere(std::uint16_t port);
[[nodiscard]] std::vector<Endpoint> on_loopback(std::uint16_t port);

}  // namespace posthorn::config
