// Landlock: what of the file system, and which TCP ports, this process and its threads to come may still use (Linux 5.13;
// ports since 6.7). What the kernel cannot restrict stays open, and the result says so. There is no way back.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::system {

struct LandlockRules {
  std::vector<std::string> readable;  ///< files and folders with what is beneath; those that are not there are left out
  std::vector<std::string> writable;  ///< the same, for reading, writing, making and removing
  std::vector<std::uint16_t> connect_ports;  ///< to which TCP connections may go out
  std::vector<std::uint16_t> bind_ports;     ///< on which TCP sockets may listen
};

/// What could not be restricted, in words; empty: nothing.
/// Errors: unsupported (no Landlock at all), not_permitted, io.
Result<std::vector<std::string>> apply_landlock(const LandlockRules& rules);

}  // namespace posthorn::system
