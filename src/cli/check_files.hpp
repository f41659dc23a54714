// Looks at the files and folders that a configuration names, as `posthorn check` does: are they there, can the server use
// them, can others read what they must not, are their lines good.
#pragma once

#include "config/configuration.hpp"
#include "world/disk.hpp"

#include <string>
#include <vector>

namespace posthorn::cli {

struct Finding {
  bool is_fault = false;  ///< the server would not start, or not do what was asked; otherwise a warning
  std::string where;      ///< key of the configuration, or file and line
  std::string text;
};

/// The account that the server runs as.
struct ServerAccount {
  unsigned user = 0;
  std::vector<unsigned> groups;
};

[[nodiscard]] std::vector<Finding> check_files(const config::Configuration& configuration, world::Disk& disk,
                                               const ServerAccount& account);

/// Only warnings: keys, passwords and waiting mail that every account of the machine may read (FAULTS F14). The configuration
/// itself names the files of secrets and holds none.
[[nodiscard]] std::vector<Finding> find_exposed(const config::Configuration& configuration, world::Disk& disk);

}  // namespace posthorn::cli
