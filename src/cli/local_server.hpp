// The mail server of this machine, if one runs: for --via-queue, and for telling the local user what became of a mail.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "cli/send_work.hpp"

#include <string>
#include <vector>

namespace posthorn::cli {

struct LocalServer {
  std::vector<Endpoint> endpoints;  ///< where it may listen, on loopback, the likeliest first; never empty
  std::string domain;               ///< whose users are local
};

/// By the configuration (-c, else the usual one), if it can be read; 127.0.0.1 on ports 25 and 2525 in any case.
[[nodiscard]] LocalServer find_local_server(const std::string& configuration);

/// As try_once(), to that server.
[[nodiscard]] SendTry try_local_queue(const std::string& configuration, const service::SendEntry& entry,
                                      const service::FileLetter& letter, service::ConversationWatcher& watcher);

/// Sends a mail to the account we run as. Blocks for some seconds at most. Error: why it could not be.
[[nodiscard]] Result<> mail_own_user(const std::string& configuration, const std::string& subject,
                                     const std::string& text);

}  // namespace posthorn::cli
