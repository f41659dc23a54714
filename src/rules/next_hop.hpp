// NextHop: where a route or a smarthost leads instead of MX, as administrators write it: "host[:port]", "[address]:port",
// "lmtp:host[:port]", "lmtp:unix:/path". A host is looked up by its addresses, never by MX.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::rules {

struct NextHop {
  enum class Protocol : std::uint8_t { smtp, lmtp };
  Protocol protocol = Protocol::smtp;
  std::string host;                   ///< canonical name to look up (A and AAAA) …
  std::optional<IpAddress> address;   ///< … or an address …
  std::string unix_path;              ///< … or the path of a socket: exactly one of the three is set
  std::optional<std::uint16_t> port;  ///< none: `[remote] port` for SMTP, 24 for LMTP

  /// Reads what an administrator wrote. Error: `invalid`, its text says what is wrong.
  [[nodiscard]] static Result<NextHop> parse(std::string_view text);
  /// As it would be written; parse() reads it back as an equal value.
  [[nodiscard]] std::string to_string() const;

  bool operator==(const NextHop&) const = default;
};

}  // namespace posthorn::rules
