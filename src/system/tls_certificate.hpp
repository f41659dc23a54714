// The certificate that a server makes for itself when none is set, so that the empty configuration already encrypts:
// ECDSA P-256, ten years, for the host's name. Key and certificate stand in one file that nobody else may read.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>

namespace posthorn::system {

/// Makes sure that `file` holds a usable one for this name: keeps what is there, unless it is for another name or ends
/// within 30 days. Written beside and renamed, durably, mode 0600. True: it was made now.
/// Errors: not_permitted, not_found (the folder), no_space, tls (what is there cannot be read: it is not replaced).
Result<bool> ensure_certificate(const std::string& file, const std::string& host_name, WallTime now);

}  // namespace posthorn::system
