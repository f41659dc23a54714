// Processes of our own that are forked, not executed: what a child does first, and how its end is awaited.
#pragma once

#include "base/time.hpp"

#include <sys/types.h>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::system {

/// In the child, first of all: its name, no new privileges, standard input and output from and to nowhere, and no
/// descriptor but standard error and those that are named.
void prepare_child(const std::string& name, std::vector<int> kept);

/// How the child ended, as waitpid(2) tells it; none if it did not within the limit. Each child once.
[[nodiscard]] std::optional<int> wait_for_child(pid_t child, Duration limit);

/// Whether there is such a process, of whatever account; one that has ended and waits for its parent is none.
[[nodiscard]] bool is_running(pid_t process);

}  // namespace posthorn::system
