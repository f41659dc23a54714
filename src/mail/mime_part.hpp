// Parts of MIME messages that this server writes, and how they are put together (RFC 2045, RFC 2046 §5.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

struct MimePart {
  std::string type;              ///< value of Content-Type
  std::string encoding;          ///< value of Content-Transfer-Encoding
  std::string body;              ///< encoded already
  std::string disposition = {};  ///< value of Content-Disposition; empty: none
};

/// The fields that describe a part, the empty line, and its body.
[[nodiscard]] std::string written(const MimePart& part);

/// A multipart of these parts, from its Content-Type field to its last delimiter. `subtype` is "mixed", or "report" with
/// its parameters. The boundary stands nowhere in the parts.
[[nodiscard]] std::string multipart(std::string_view subtype, const std::vector<MimePart>& parts);

}  // namespace posthorn::mail
