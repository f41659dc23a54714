// The part of the configuration that says who is local, as store/directory_files takes it.
#pragma once

#include "config/configuration.hpp"
#include "store/directory_files.hpp"

namespace posthorn::cli {

/// Own addresses are those that listeners name; of listeners on every address or on an interface the caller adds them.
[[nodiscard]] store::DirectorySettings directory_settings(const config::Configuration& configuration);

}  // namespace posthorn::cli
