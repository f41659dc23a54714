// ensure(): an assertion that is always on. A false claim is a bug of ours: it ends the process, which the spool makes
// safe (what was acknowledged is on the disk). Never for input from outside, which gets a Result or a reply.
#pragma once

#include <source_location>
#include <string_view>

namespace posthorn {

/// Prints the claim and its place on standard error and aborts.
[[noreturn]] void bug(std::string_view claim, std::source_location where = std::source_location::current());

constexpr void ensure(bool holds, std::string_view claim,
                      std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    bug(claim, where);
}

}  // namespace posthorn
