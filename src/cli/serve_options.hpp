// The options of `serve`, read by the parent and, from the same words, by the engine.
#pragma once

#include "cli/command.hpp"
#include "config/overrides.hpp"

#include <expected>
#include <string>
#include <vector>

namespace posthorn::cli {

struct ServeOptions {
  std::string configuration;
  config::Overrides overrides;
  bool adopt_spool = false;
  std::vector<std::string> words;  ///< all of it as it was typed
};

/// A status: end with it, all has been said.
[[nodiscard]] std::expected<ServeOptions, ExitStatus> read_serve_options(const Invocation& invocation,
                                                                         Console& console);

}  // namespace posthorn::cli
