// posthorn queue list|show|hold|release|retry|remove|expire: the queue of the running server.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_queue(const Invocation& invocation, Console& console);
/// mailq: the list, as sendmail's users know it.
ExitStatus run_mailq(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
