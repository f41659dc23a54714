// What a person asks of `posthorn send`, as they wrote it; and what it comes to once it has been judged: addresses that are
// addresses, a port that is one, files that can be read. Nothing is connected to before all of it is good.
#pragma once

#include "cli/command.hpp"
#include "cli/connection_options.hpp"
#include "cli/exit_status.hpp"
#include "service/file_letter.hpp"
#include "service/send_entry.hpp"
#include "system/host_lookup.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::cli {

/// The words of the command line.
struct SendOptions : ConnectionOptions {
  std::string from, subject, file, server, to, port;
  std::vector<std::string> more_recipients;
  std::vector<std::string> attachments;
  std::string user, password_file;
  std::string retry_after, expire = "5d", timeout;
  bool foreground = false;
  bool quiet = false;
  bool body_as_is = false;
  bool via_queue = false;
  std::string configuration;
  bool list = false;
  bool json = false;
  std::string cancel;
  bool resume = false;
};

/// Why the command ends before it has begun.
struct Refusal {
  ExitStatus status = ExitStatus::usage;
  std::string text;
};

template <class T = void>
using Judged = std::expected<T, Refusal>;

/// Sender, recipients, server, limits: an entry as it would be kept, without an id.
[[nodiscard]] Judged<service::SendEntry> judge_order(const SendOptions& options);
/// The message, from files that were opened and looked through.
[[nodiscard]] Judged<service::FileLetter> open_letter(const SendOptions& options, const service::SendEntry& entry);
/// Reads the password file; none without --user.
[[nodiscard]] Judged<std::optional<service::Credentials>> read_login(const service::SendEntry& entry);

[[nodiscard]] system::HostFamily family_of(const service::SendEntry& entry);
[[nodiscard]] Judged<Duration> parse_wait(std::string_view option, const std::string& text);

}  // namespace posthorn::cli
