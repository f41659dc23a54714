// The deliver process: root by name, with the rights to change accounts and to give a folder away, and no others. For each batch
// that the engine orders for a user it forks a worker, which becomes that user before it reads anything of the engine's, and
// does there what the engine does where all mail belongs to one account (docs/decisions/0062-mail-as-the-user.md).
#pragma once

#include "cli/command.hpp"
#include "cli/console.hpp"
#include "cli/exit_status.hpp"
#include "config/configuration.hpp"
#include "system/forked_workers.hpp"

#include <string>
#include <string_view>

namespace posthorn::cli {

/// What the parent's first packet says; with it comes the lock on the state, which lasts as long as anybody may write.
struct DeliverSettings {
  std::string root;  ///< of the mail
  config::MailboxFormat format = config::MailboxFormat::maildir;
  std::uint64_t quota = 0;
  config::Sandbox sandbox = config::Sandbox::required;
};
inline constexpr std::uint16_t deliver_settings_packet = 100;
[[nodiscard]] DeliverSettings deliver_settings(const config::Configuration& configuration);
[[nodiscard]] std::string encode(const DeliverSettings& settings);
/// Errors: corrupt.
[[nodiscard]] Result<DeliverSettings> decode_deliver_settings(std::string_view octets);

/// In a worker, which ends afterwards: one batch for the user that the order names. What hinders it is told on the order's channel.
void deliver_as_user(const DeliverSettings& settings, system::WorkOrder& order);

/// The command `serve-deliver`, which only `serve` calls.
[[nodiscard]] ExitStatus run_serve_deliver(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
