// What goes on after the prompt has come back: the entry is written durably, a process in the background takes it over, waits,
// tries again, and ends with success, a refusal for good, or the end of the message's life.
#pragma once

#include "base/result.hpp"
#include "cli/exit_status.hpp"
#include "service/file_letter.hpp"
#include "service/send_entries.hpp"
#include "service/send_entry.hpp"

#include <string>

namespace posthorn::cli {

/// Where the entries of this user are. Error: not_found, there is no home.
[[nodiscard]] Result<std::string> send_state_folder();

/// Writes the entry and starts a process for it. What it returns is for the user: who waits, until when, and how to stop it.
/// After an error nothing is left.
[[nodiscard]] Result<std::string> hand_over_to_background(service::SendEntry& entry, const service::FileLetter& letter,
                                                          const std::string& configuration);

/// Starts a process for an entry that is there already. Error: in_use, one works on it.
[[nodiscard]] Result<std::string> start_background(const std::string& id, const std::string& configuration);

}  // namespace posthorn::cli
