// What a server offers in its answer to EHLO or LHLO (RFC 5321 §4.1.1.1), as far as a client makes use of it. Unknown
// keywords, and parameters that make no sense, are passed over.
#pragma once

#include "smtp/reply_parser.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {

struct PeerExtensions {
  bool pipelining = false;                          ///< RFC 2920
  bool size = false;                                ///< RFC 1870
  std::uint64_t size_limit = 0;                     ///< octets; 0: none announced
  bool eight_bit_mime = false;                      ///< RFC 6152
  bool smtputf8 = false;                            ///< RFC 6531
  bool chunking = false;                            ///< RFC 3030
  bool binary_mime = false;                         ///< RFC 3030 §3
  bool dsn = false;                                 ///< RFC 3461
  bool enhanced_status = false;                     ///< RFC 2034
  bool starttls = false;                            ///< RFC 3207
  bool require_tls = false;                         ///< RFC 8689
  std::vector<std::string> auth_mechanisms;         ///< RFC 4954, in upper case; at most 32
  std::optional<std::uint32_t> recipients_limit;    ///< RFC 9422: RCPTMAX
  std::optional<std::uint32_t> transactions_limit;  ///< RFC 9422: MAILMAX

  /// Reads a 2yz answer to EHLO.
  [[nodiscard]] static PeerExtensions read(const PeerReply& reply);
};

}  // namespace posthorn::smtp
