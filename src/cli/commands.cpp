#include "cli/bench_command.hpp"
#include "cli/check_command.hpp"
#include "cli/command.hpp"
#include "cli/deliver_process.hpp"
#include "cli/engine_process.hpp"
#include "cli/explain_command.hpp"
#include "cli/help_command.hpp"
#include "cli/newaliases_command.hpp"
#include "cli/probe_command.hpp"
#include "cli/queue_command.hpp"
#include "cli/send_command.hpp"
#include "cli/sendmail_command.hpp"
#include "cli/serve_command.hpp"
#include "cli/sim_command.hpp"
#include "cli/spool_command.hpp"
#include "cli/user_command.hpp"

#include <algorithm>
#include <array>

namespace posthorn::cli {
namespace {

constexpr std::array commands{
    Command{"serve", "the mail server, in the foreground", &run_serve},
    Command{"queue", "what waits in the running server, and what is to become of it", &run_queue},
    Command{"explain", "what would happen, or happened, to mail for an address or to a message", &run_explain},
    Command{"send", "sends one file as a mail to one server, and tries again when it is refused for the moment",
            &run_send},
    Command{"probe", "tells whether a mail server works, step by step", &run_probe},
    Command{"check", "whether the configuration is good: names each fault", &run_check},
    Command{"user", "adds, removes and lists local users", &run_user},
    Command{"spool", "checks and shows the spool of a stopped server", &run_spool},
    Command{"sendmail", "hands in a message from standard input, as other software calls it", &run_sendmail, true},
    Command{"mailq", "what waits in the running server", &run_mailq, true},
    Command{"newaliases", "checks the aliases file", &run_newaliases, true},
    Command{"bench", "a load generator and a server that takes everything, to measure with", &run_bench},
    Command{"sim", "the whole server in a simulated world, one run per seed", &run_sim},
    Command{"help", "this list, the help of a command, or the settings (posthorn help settings)", &run_help},
};

/// Parts of `serve`, which starts them; not for users, and not in the list.
constexpr std::array parts{
    Command{"serve-engine", "the engine of `serve`", &run_serve_engine},
    Command{"serve-keys", "the keeper of the keys of `serve`", &run_serve_keys},
    Command{"serve-auth", "what asks PAM and Dovecot for `serve`", &run_serve_auth},
    Command{"serve-deliver", "what writes mail as its users for `serve`", &run_serve_deliver},
};

}  // namespace

std::span<const Command> all_commands() { return commands; }

const Command* find_command(std::string_view name) {
  const auto* found = std::ranges::find(commands, name, &Command::name);
  if (found != commands.end()) return found;
  const auto* part = std::ranges::find(parts, name, &Command::name);
  return part == parts.end() ? nullptr : part;
}

}  // namespace posthorn::cli
