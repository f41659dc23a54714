// The keys process: holds the private keys, signs what it is asked to sign, and does nothing else. It opens no file: its
// parent gives it open ones. Nobody reads its memory: no dump, no tracing by its own account, and memory that is not swapped
// out where that is allowed.
#pragma once

#include "system/control_channel.hpp"
#include "system/keys_service.hpp"

namespace posthorn::system {

/// Keeps its memory to itself. Before there are keys and threads. Errors: not_permitted.
Result<> prepare_keys_process();

/// Runs until the parent has gone, then ends the process.
[[noreturn]] void run_keys_process(const ControlChannel& parent, KeysPart& part);

}  // namespace posthorn::system
