// `posthorn send --list`, `--cancel ID` and `--resume`: what waits in the background.
#pragma once

#include "cli/console.hpp"
#include "cli/send_options.hpp"

namespace posthorn::cli {

[[nodiscard]] ExitStatus list_sends(const SendOptions& options, Console& console);
[[nodiscard]] ExitStatus cancel_send(const SendOptions& options, Console& console);
/// Starts a background process for each entry that has none: after a reboot.
[[nodiscard]] ExitStatus resume_sends(const SendOptions& options, Console& console);

}  // namespace posthorn::cli
