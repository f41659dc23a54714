// What a good configuration may still be regretted for: open relays, rights that are kept, passwords in the clear. Looks
// at the completed configuration alone; what lies on the disk is cli/check_files.hpp's.
#pragma once

#include "config/configuration.hpp"

#include <string>
#include <vector>

namespace posthorn::config {

struct Advice {
  std::string key;   ///< "process.user"
  std::string text;  ///< what will happen, and what to do
};

[[nodiscard]] std::vector<Advice> advice_on(const Configuration& configuration);

/// The part of it that is about routes that no mail takes; a start tells it, too.
[[nodiscard]] std::vector<Advice> advice_on_routes(const Configuration& configuration);

}  // namespace posthorn::config
