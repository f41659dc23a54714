// Facts about the machine we run on, and small files read whole: what a command asks before there is a world.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>

namespace posthorn::system {

/// gethostname(2); "localhost" when it is empty.
[[nodiscard]] std::string host_name();
/// A text that is this machine's and no other's: /etc/machine-id, or the host name where there is none (FAULTS F18).
[[nodiscard]] std::string machine_identity();
/// Whether ports below 1024 may be bound: root, CAP_NET_BIND_SERVICE, or a lowered ip_unprivileged_port_start.
[[nodiscard]] bool may_bind_low_ports();
[[nodiscard]] unsigned process_id();
/// Effective, as files are made with.
[[nodiscard]] unsigned user_id();
[[nodiscard]] unsigned group_id();
[[nodiscard]] unsigned processors();

/// A whole regular file. Errors: not_found, not_permitted, invalid (larger than `most`), io.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t most);

}  // namespace posthorn::system
