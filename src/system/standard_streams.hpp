// The standard streams as octets, for commands that are spoken to through them. Every wait has a limit.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace posthorn::system {

/// What is there, as soon as something is; 0 at the end. Errors: timed_out, io.
[[nodiscard]] Result<std::size_t> read_standard_input(std::span<char> into, Duration limit);

/// All of it. Errors: timed_out (the reader takes nothing), ended (there is none), io.
[[nodiscard]] Result<> write_standard_output(std::string_view octets, Duration limit);

}  // namespace posthorn::system
