#include "cli/load_configuration.hpp"

#include "config/defaults.hpp"
#include "config/reader.hpp"
#include "system/machine.hpp"

#include <cstdlib>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::size_t largest_file = 4U << 20;

std::unexpected<ConfigurationFaults> fault(ExitStatus status, std::string line) {
  return std::unexpected(ConfigurationFaults{status, {std::move(line)}});
}

/// The path that somebody asked for, on the command line or in the environment; empty: nobody did.
std::string named_path(const std::string& given) {
  if (!given.empty()) return given;
  const char* named = std::getenv("POSTHORN_CONFIG");
  return named != nullptr ? named : "";
}

std::expected<std::string, ConfigurationFaults> read_text(const std::string& given) {
  auto text = system::read_file(configuration_path(given), largest_file);
  if (text) return std::move(*text);
  if (text.error().kind == Error::Kind::not_found && named_path(given).empty()) return std::string{};
  const bool no_rights = text.error().kind == Error::Kind::not_permitted;
  return fault(no_rights ? ExitStatus::no_permission : ExitStatus::no_input, text.error().text);
}

}  // namespace

std::string configuration_path(const std::string& given) {
  auto named = named_path(given);
  return named.empty() ? usual_configuration_path : named;
}

std::expected<ConfigurationText, ConfigurationFaults> read_configuration_text(const std::string& given) {
  auto text = read_text(given);
  if (!text) return std::unexpected(text.error());
  return ConfigurationText{
      .path = configuration_path(given),
      .text = std::move(*text),
      .facts = {.host_name = system::host_name(), .may_bind_low_ports = system::may_bind_low_ports()}};
}

LoadedConfiguration parse_configuration(const ConfigurationText& text, const config::Overrides& overrides) {
  auto read = config::read_configuration(text.text);
  if (!read) {
    ConfigurationFaults faults;
    for (const auto& each : read.error()) faults.lines.push_back(each.to_string(text.path));
    faults.faults = std::move(read.error());
    return std::unexpected(std::move(faults));
  }
  auto overridden = config::apply(overrides, std::move(*read), text.facts);
  if (!overridden) return fault(ExitStatus::usage, overridden.error());
  return config::complete(std::move(*overridden), text.facts);
}

LoadedConfiguration load_configuration(const std::string& given, const config::Overrides& overrides) {
  const auto text = read_configuration_text(given);
  if (!text) return std::unexpected(text.error());
  return parse_configuration(*text, overrides);
}

}  // namespace posthorn::cli
