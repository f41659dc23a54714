// `posthorn queue import-folder`: the sender that picks up the letters in hand-over folders (mission E) and gives them to a
// server that relays, so that taking mail in and sending it on can be two programs. A letter goes when that server has it
// durably; one that it refuses for good goes to error/; one that it cannot take now stays. A crash in between sends a
// letter twice, never not at all.
#pragma once

#include "cli/console.hpp"
#include "cli/exit_status.hpp"

#include <string>

namespace posthorn::cli {

struct ImportOrder {
  std::string root;           ///< the mail root whose letters are sent
  std::string configuration;  ///< -c: names the server that takes them
  std::string server;         ///< "host:port" instead; empty: that of the configuration
  bool as_json = false;
};

/// One round over all letters. 0: all were taken (or there were none); 75: some wait for another round; 69: all others
/// were taken, and some were set aside; 66: the mail root is not there.
[[nodiscard]] ExitStatus import_folder(const ImportOrder& order, Console& console);

}  // namespace posthorn::cli
