// Conversion of a message with 8-bit content for a host without 8BITMIME (RFC 6152 §3): parts that need it get a 7-bit
// transfer encoding, quoted-printable for text and base64 for the rest; everything else stays as it is, to the octet.
// Where that is not possible or would break a promise (8-bit header fields, signed parts, encodings that are not kept),
// it says so: then the message has to be returned.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::mail {

struct DowngradeSettings {
  std::size_t octets = std::size_t{16} << 20;  ///< a larger message is not converted: the result is made in memory
  unsigned depth = 20;                         ///< of parts within parts
};

/// The message, 7-bit and with lines of at most 998 octets in each part that was changed; itself if it is so already.
/// Error: `unsupported`, its text says why, for the report to the sender.
[[nodiscard]] Result<std::string> downgrade_to_7bit(std::string_view message, const DowngradeSettings& settings = {});

}  // namespace posthorn::mail
