// XCLIENT (Postfix's extension, XCLIENT_README): a host that is trusted to says for whom it speaks. Parsed here; whether
// the host may use it is the listener's `xclient_from`, what follows from it the session's and the driver's.
#pragma once

#include "base/ip_address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::smtp {

/// What was said. None: nothing was said of it, or that it is not available.
struct XclientCommand {
  std::optional<IpAddress> address;
  std::optional<std::uint16_t> port;
  std::optional<std::string> host_name;  ///< NAME: what DNS calls the client; printable ASCII
  std::optional<std::string> hello;      ///< printable ASCII, 1 to 255 octets
  std::optional<std::string> login;      ///< who authenticated; printable, not empty

  bool operator==(const XclientCommand&) const = default;
};

/// The attributes that EHLO lists behind XCLIENT.
inline constexpr std::string_view xclient_attributes = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";

/// Whether the line is this command. Ask before parse_command().
[[nodiscard]] bool is_xclient(std::string_view line);
/// Reads such a line. None: 501.
[[nodiscard]] std::optional<XclientCommand> parse_xclient(std::string_view line);

}  // namespace posthorn::smtp
