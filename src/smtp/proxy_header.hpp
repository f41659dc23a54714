// The PROXY protocol, versions 1 and 2, as a load balancer speaks it before anything else: who the client is. Pure: the
// octets that have come, in; the client, or "more", or "no header", out. It trusts nothing: whether the peer may say so at
// all is the listener's `proxy_from`. What follows the header is not looked at.
// The text: proxy-protocol.txt of HAProxy, §2.1 and §2.2.
#pragma once

#include "base/ip_address.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace posthorn::smtp {

struct ProxyHeader {
  std::size_t octets = 0;          ///< of the header; the client's own octets follow
  std::optional<Endpoint> client;  ///< none: the proxy speaks for itself (LOCAL, UNKNOWN): the peer is the client
};

enum class ProxyFault : std::uint8_t {
  incomplete,  ///< good so far: read on
  malformed,   ///< no header, or not one of these two versions
};

/// As much as a header may need: 16 octets and the length that two octets can say.
inline constexpr std::size_t most_proxy_octets = 16 + 65'535;

[[nodiscard]] std::expected<ProxyHeader, ProxyFault> read_proxy_header(std::string_view octets);

}  // namespace posthorn::smtp
