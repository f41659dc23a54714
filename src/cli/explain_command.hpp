// posthorn explain ADDRESS|ID: what would happen to mail for an address, by the configuration and DNS of now, or what
// happened to a message of the running server.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_explain(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
