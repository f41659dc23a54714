// The options of `serve` that stand above the configuration file. -p, -i and -l replace its listeners by one.
#pragma once

#include "config/configuration.hpp"
#include "config/defaults.hpp"

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::config {

/// As they were typed; what was not given is empty.
struct Overrides {
  std::optional<std::string> mail_root;   ///< -R
  std::vector<std::string> domains;       ///< -s, repeatable; instead of the file's
  std::optional<std::string> interface;   ///< -i
  std::optional<std::uint16_t> port;      ///< -p
  std::optional<std::string> log_file;    ///< -j
  std::optional<std::string> log_level;   ///< -n
  std::optional<std::string> users_file;  ///< -u
  bool loopback = false;                  ///< -l
  bool debug = false;                     ///< -D: log level debug, whatever -n says
};

/// The configuration with the options in force, to be completed afterwards. On a fault: one line for the user, which
/// names the option.
[[nodiscard]] std::expected<Configuration, std::string> apply(const Overrides& overrides, Configuration configuration,
                                                              const MachineFacts& facts);

}  // namespace posthorn::config
