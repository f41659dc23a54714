// The passwords with which we authenticate at the smarthost and at routes, read from the files that the configuration names.
// Blocking.
#pragma once

#include "base/result.hpp"
#include "config/configuration.hpp"
#include "rules/routing.hpp"
#include "world/disk.hpp"

#include <memory>
#include <string>
#include <vector>

namespace posthorn::cli {

struct OutgoingLogins {
  std::shared_ptr<const rules::Login> smarthost;            ///< none: no authentication
  std::vector<std::shared_ptr<const rules::Login>> routes;  ///< of each of the configuration's, in its order
  std::vector<std::string> warnings;                        ///< files that others can read
};

/// Errors: the file is not there, cannot be read, or its first line is empty; the text names the key and the file.
[[nodiscard]] Result<OutgoingLogins> read_outgoing_logins(world::Disk& disk,
                                                          const config::Configuration& configuration);

/// Whether the client certificate of [remote] and its key can be read by the account we run as; what to do if not.
[[nodiscard]] Result<> check_client_certificate(world::Disk& disk, const config::Remote& remote);

}  // namespace posthorn::cli
