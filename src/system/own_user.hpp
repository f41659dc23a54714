// The time zone and the account of whoever runs a command.
#pragma once

#include "base/time.hpp"

#include <chrono>
#include <string>

namespace posthorn::system {

/// How far local time is from UTC at this moment.
[[nodiscard]] std::chrono::minutes zone_at(WallTime time);

/// Local time as people write it: "2026-11-25 15:40:05".
[[nodiscard]] std::string to_local_text(WallTime time);

/// The name of the account we run as; its number where it has none.
[[nodiscard]] std::string own_user_name();

/// Of any account. Blocks: the accounts may be somewhere in the network.
[[nodiscard]] std::string name_of_account(unsigned number);

/// The full name of the account we run as (GECOS), as UTF-8 or not; empty: it has none.
[[nodiscard]] std::string own_full_name();

/// $XDG_STATE_HOME if that is an absolute path, else ~/.local/state (XDG Base Directory); empty: there is no home either.
[[nodiscard]] std::string user_state_folder();

}  // namespace posthorn::system
