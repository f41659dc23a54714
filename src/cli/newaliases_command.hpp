// `newaliases`: other servers build a database here; Posthorn reads the file itself, so that this only checks it. Under
// this name other software calls it, with options that mean nothing here.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_newaliases(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
