// How a start that fails is told: why, and the status that says what kind of fault it was.
#pragma once

#include "base/result.hpp"
#include "cli/exit_status.hpp"

#include <expected>

namespace posthorn::cli {

struct StartFailure {
  ExitStatus status = ExitStatus::system_fault;
  Error error;
};

using Step = std::expected<void, StartFailure>;

[[nodiscard]] StartFailure start_failure(Error error, ExitStatus otherwise = ExitStatus::system_fault);
[[nodiscard]] std::unexpected<StartFailure> fail_start(Error error, ExitStatus otherwise = ExitStatus::system_fault);

}  // namespace posthorn::cli
