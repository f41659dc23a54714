// The settings as people read them, made from their one description (config/settings.hpp), so that no page about them
// can go stale: for the terminal, as a page of the documentation, as an example file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::config {

/// All settings, or those of one table ("limits", "tls.identity"); nothing: there is no such table.
[[nodiscard]] std::optional<std::string> settings_as_text(std::string_view table = {});
/// docs/settings.md
[[nodiscard]] std::string settings_as_markdown();
/// packaging/posthorn.toml.example: every key with its default, commented out.
[[nodiscard]] std::string settings_as_toml();

}  // namespace posthorn::config
