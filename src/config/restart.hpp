// Which settings count only from the next start on: what they are about is bound, opened or started once. All others count
// from a reload on.
#pragma once

#include "config/configuration.hpp"

#include <string_view>
#include <vector>

namespace posthorn::config {

/// "limits.threads"
[[nodiscard]] bool needs_restart(std::string_view path);

/// Those of them that differ, by their paths; but for where listeners listen, which tells nothing by places in two files.
[[nodiscard]] std::vector<std::string_view> changed_until_restart(const Configuration& before,
                                                                  const Configuration& now);

}  // namespace posthorn::config
