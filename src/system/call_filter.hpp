// The filter of system calls (seccomp): a list of what a process may ask of the kernel. What no part of it ever has a reason
// to try (run a program, trace or read another process, change accounts, mount, load code into the kernel) ends the process
// at once; any other call that is not on the list is refused with EPERM. There is no way back.
#pragma once

#include "base/result.hpp"

#include <cstdint>

namespace posthorn::system {

enum class FilterRole : std::uint8_t {
  engine,    ///< network, files, threads
  keys,      ///< threads, memory, and the sockets it has; it opens nothing
  helper,    ///< the same, and it connects to sockets of the machine
  delivery,  ///< files, threads, and the socket it has
};

/// Of every thread. Errors: unsupported (a kernel without it), invalid.
Result<> apply_call_filter(FilterRole role);

/// A build with sanitizers asks the kernel for what a filter forbids: it goes without.
[[nodiscard]] bool has_sanitizers();

}  // namespace posthorn::system
