// Manual pages (man(7)) from what the commands know of themselves.
#pragma once

#include "cli/command_description.hpp"

#include <string>
#include <string_view>

namespace posthorn::cli {

/// "posthorn-send", or the name that others call it by: "sendmail".
[[nodiscard]] std::string manual_name(std::string_view command);

/// The page of a command. `sentence`: what it is for, as posthorn help has it.
[[nodiscard]] std::string manual_page(std::string_view command, std::string_view sentence,
                                      const CommandDescription& description);
/// posthorn(1): the overview.
[[nodiscard]] std::string manual_overview();
/// posthorn.toml(5): the settings.
[[nodiscard]] std::string manual_of_settings();

}  // namespace posthorn::cli
