// The addresses of a host by the system's own means (getaddrinfo(3): /etc/hosts, DNS, whatever nsswitch.conf says), for
// commands that a person gives a host to. The server itself asks DNS through system/unbound_resolver.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::system {

enum class HostFamily : std::uint8_t { any, v4, v6 };

/// In the order in which they are to be tried (RFC 6724), one at least. Blocks, no longer than the limit. Errors: not_found
/// (there is no such host, or none of that family), timed_out (the name service gave no answer), other.
[[nodiscard]] Result<std::vector<IpAddress>> look_up_host(const std::string& name, HostFamily family, Duration limit);

}  // namespace posthorn::system
