// Unicode normalization, for comparing what people type on different keyboards (RFC 5198, RFC 6530 §10.1).
#pragma once

#include <string>
#include <string_view>

namespace posthorn::mail {

/// Normalization Form C. Text that is ASCII or not valid UTF-8 comes back as it is.
[[nodiscard]] std::string to_nfc(std::string_view text);

}  // namespace posthorn::mail
