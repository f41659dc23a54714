// Locks on open files, with a bound on the wait.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <string>

namespace posthorn::system {

/// Locks the whole open file: a lock of the open file, not of the process (F_OFD_SETLK), so that threads of ours exclude
/// one another, and lockf(3) of others excludes us. `in_use` if another still holds it after `wait`.
[[nodiscard]] Result<> lock_open_file(int descriptor, const std::string& path, Duration wait);

}  // namespace posthorn::system
