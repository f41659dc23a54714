// The exit status for an operation that failed.
#pragma once

#include "base/result.hpp"
#include "cli/exit_status.hpp"

namespace posthorn::cli {

[[nodiscard]] ExitStatus status_of(const Error& error);

}  // namespace posthorn::cli
