// A certificate for one run of a tool: made, loaded, and gone from the disk before anybody is greeted.
#pragma once

#include "base/result.hpp"
#include "world/clock.hpp"
#include "world/tls.hpp"

#include <memory>
#include <string>

namespace posthorn::system {

/// Errors: those of ensure_certificate(), of making a folder in $TMPDIR (else /tmp).
[[nodiscard]] Result<std::shared_ptr<world::TlsIdentities>> temporary_identities(const std::string& host_name,
                                                                                 const world::Clock& clock);

}  // namespace posthorn::system
