// Reads the configuration for a command: -c FILE, else $POSTHORN_CONFIG, else the usual place, which need not be there.
// All faults are told at once, as FILE:LINE:COLUMN: KEY: TEXT.
#pragma once

#include "cli/exit_status.hpp"
#include "config/configuration.hpp"
#include "config/defaults.hpp"
#include "config/fault.hpp"
#include "config/overrides.hpp"

#include <expected>
#include <string>
#include <vector>

namespace posthorn::cli {

inline constexpr const char* usual_configuration_path = "/etc/posthorn/posthorn.toml";

struct ConfigurationFaults {
  ExitStatus status = ExitStatus::configuration;  ///< 66 when a file that was named cannot be read
  std::vector<std::string> lines;
  config::Faults faults{};  ///< the same with their places, when the text was read
};

using LoadedConfiguration = std::expected<config::Configuration, ConfigurationFaults>;

/// The path that -c (empty: not given) or the environment names, or the usual one.
[[nodiscard]] std::string configuration_path(const std::string& given);

/// A configuration as it stands in its file, with what it means on this machine for this user: enough for another process,
/// which may read neither, to come to the same.
struct ConfigurationText {
  std::string path;
  std::string text;
  config::MachineFacts facts;
};

[[nodiscard]] std::expected<ConfigurationText, ConfigurationFaults> read_configuration_text(const std::string& given);
[[nodiscard]] LoadedConfiguration parse_configuration(const ConfigurationText& text,
                                                      const config::Overrides& overrides);

/// Both. Complete: with the defaults of this machine, and the options of `serve` in force.
[[nodiscard]] LoadedConfiguration load_configuration(const std::string& given, const config::Overrides& overrides = {});

}  // namespace posthorn::cli
