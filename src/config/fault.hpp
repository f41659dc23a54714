// A fault in the configuration: where it stands, in which key, and what would be right. Several are told at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::config {

/// Counted from 1; 0: the file as a whole.
struct Place {
  unsigned line = 0;
  unsigned column = 0;

  auto operator<=>(const Place&) const = default;
};

struct Fault {
  Place place;
  std::string key;   ///< "limits.recipients"; empty: the text itself is not TOML
  std::string text;  ///< one line, clean

  /// "FILE:LINE:COLUMN: KEY: TEXT", as compilers write it.
  [[nodiscard]] std::string to_string(std::string_view file) const;
};

using Faults = std::vector<Fault>;

}  // namespace posthorn::config
