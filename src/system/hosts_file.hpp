// The machine's own table of names, hosts(5): what it says holds before DNS, where the machine's own means are used.
#pragma once

#include "base/ip_address.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::system {

struct HostName {
  std::string name;  ///< in lower case: letters, digits, "-", "_" and ".", without a dot at the end
  IpAddress address;

  bool operator==(const HostName&) const = default;
};

/// In the order of the lines. Lines that are none, and names with other characters, are left out.
[[nodiscard]] std::vector<HostName> parse_hosts(std::string_view text);

/// Of /etc/hosts, of its first MiB; nothing when it cannot be read. Blocks.
[[nodiscard]] std::vector<HostName> read_hosts();

}  // namespace posthorn::system
