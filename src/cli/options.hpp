// The options of one command, by CLI11, whose exceptions end here: a fault is told with the usage and becomes
// ExitStatus::usage; --help prints and becomes ExitStatus::ok.
// A command declares its options on `Options::app()`, then calls read(). CLI11's header is heavy: include this in the
// .cpp of a command only.
#pragma once

#include "cli/command.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <optional>
#include <string>

namespace posthorn::cli {

class Options {
 public:
  /// `purpose` heads the help text.
  Options(const Invocation& invocation, std::string purpose);

  [[nodiscard]] CLI::App& app() { return app_; }

  /// Reads the arguments into what app() was told. A status: end with it, all has been said.
  [[nodiscard]] std::optional<ExitStatus> read(Console& console);

  /// The rule that CLI11 has no word for was broken: says so with a hint at --help.
  [[nodiscard]] ExitStatus refuse(Console& console, std::string_view why) const;

 private:
  const Invocation& invocation_;
  CLI::App app_;
};

}  // namespace posthorn::cli
