// One attempt of `send` in the real world, what it changes of the entry, and what is said about it: shared by the foreground
// and the background.
#pragma once

#include "cli/exit_status.hpp"
#include "rules/send_rules.hpp"
#include "service/conversation_watcher.hpp"
#include "service/file_letter.hpp"
#include "service/send_entry.hpp"

#include <optional>
#include <string>

namespace posthorn::cli {

struct SendTry {
  rules::SendReport report;
  rules::SendVerdict verdict = rules::SendVerdict::unreachable;
  bool host_is_unknown = false;
  std::string last_words;  ///< cleaned
};

/// Looks the host up, connects, sends to the entry's waiting recipients. Blocks. No threads before and after.
[[nodiscard]] SendTry try_once(const service::SendEntry& entry, const service::FileLetter& letter,
                               const std::optional<service::Credentials>& login, service::ConversationWatcher& watcher);

/// The same for addresses that are known.
[[nodiscard]] SendTry try_once(const service::SendEntry& entry, const service::FileLetter& letter,
                               service::ServerAccess access, service::ConversationWatcher& watcher);

/// How the entry's server is reached, but for its addresses.
[[nodiscard]] service::ServerAccess access_of(const service::SendEntry& entry,
                                              const std::optional<service::Credentials>& login);

/// Counts the attempt and writes down what became of each recipient.
void note(service::SendEntry& entry, const SendTry& done);

[[nodiscard]] bool has_waiting(const service::SendEntry& entry);
[[nodiscard]] bool has_refused(const service::SendEntry& entry);

/// One sentence for people: what happened and what it means.
[[nodiscard]] std::string told(const SendTry& done, const service::SendEntry& entry);
[[nodiscard]] ExitStatus status_of(const SendTry& done);

/// Does nothing for so long.
void sleep_for(Duration wait);

}  // namespace posthorn::cli
