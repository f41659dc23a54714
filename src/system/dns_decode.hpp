// Resource data as it stands in a DNS message (RFC 1035 §3.3, RFC 3596, RFC 6698), without compression, into values.
// Octets come from strangers: what is cut, too long or not a name that can be written down gives no record.
#pragma once

#include "world/resolver.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::system {

/// The record, or nothing.
[[nodiscard]] std::optional<world::DnsRecord> decode_record(world::DnsType type, std::string_view data);

/// A domain name in wire form that fills `data`: lower case, without the final dot, empty for the root. Nothing if it holds
/// what a name in text could not (dots inside labels, blanks, control characters).
[[nodiscard]] std::optional<std::string> decode_name(std::string_view data);

/// Whether the text can be asked for: labels of 1 to 63 octets of the characters above, 253 octets in all.
[[nodiscard]] bool is_askable(std::string_view name);

}  // namespace posthorn::system
