// The part of the configuration that says where passwords are checked, as the processes tell it to each other.
#pragma once

#include "config/configuration.hpp"
#include "system/auth_wire.hpp"

namespace posthorn::cli {

[[nodiscard]] system::AuthSettings auth_settings(const config::Configuration& configuration);

}  // namespace posthorn::cli
