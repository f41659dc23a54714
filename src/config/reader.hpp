// Reads a configuration file's text. Unknown keys, wrong types and impossible values are faults, told all at once (a
// fault of TOML itself ends the reading). It opens no file and looks at nothing but the text.
#pragma once

#include "config/configuration.hpp"
#include "config/fault.hpp"

#include <expected>
#include <string_view>

namespace posthorn::config {

/// Keys that are not there keep their defaults; those that the machine decides are filled in by complete()
/// (config/defaults.hpp). The faults are never empty and in the order of the file.
[[nodiscard]] std::expected<Configuration, Faults> read_configuration(std::string_view text);

}  // namespace posthorn::config
