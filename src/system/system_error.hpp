// From errno to Error: the kind that code decides by, and the system's words for the person who reads the log.
#pragma once

#include "base/result.hpp"

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>

namespace posthorn::system {

[[nodiscard]] Error::Kind kind_of(int error_number);

/// The system's words for it: "No space left on device".
[[nodiscard]] std::string error_text(int error_number);

/// "doing: No space left on device"
[[nodiscard]] Error system_error(std::string_view doing, int error_number);

[[nodiscard]] std::unexpected<Error> system_failure(std::string_view doing, int error_number = errno);

/// Repeats a system call that a signal broke off (EINTR).
template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace posthorn::system
