// Looks at what a configuration needs of the machine besides files that are there: certificates that go with their keys,
// network interfaces, a folder for the admin socket. As `posthorn check` does, with the means by which serve starts.
#pragma once

#include "cli/check_files.hpp"

namespace posthorn::cli {

[[nodiscard]] std::vector<Finding> check_machine(const config::Configuration& configuration, world::Disk& disk);

}  // namespace posthorn::cli
