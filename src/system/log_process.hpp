// The log process: writes what the others send it, and nothing else. It is forked early, has an account of its own, reads
// one socket, takes its sender for hostile, and ends when the last sender has gone and all is written. A full disk or a
// blocked pipe stops it, never its senders (system/queued_log drops and counts).
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "system/account.hpp"
#include "system/descriptor.hpp"
#include "system/log_line.hpp"
#include "world/clock.hpp"

#include <sys/types.h>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::system {

struct LogProcessSettings {
  std::string file;                     ///< empty: standard error
  std::vector<std::string> journals{};  ///< further files, of the numbers from 1 on; empty: those lines go to `file`
  LogFormat format = LogFormat::text;
  std::optional<Account> account;  ///< whom to become; none: stay what we are
};

class LogProcess {
 public:
  /// Opens the files (their errors come back from here) and forks. Before threads are started.
  static Result<LogProcess> start(const LogProcessSettings& settings);

  /// The senders' end, for a QueuedLog; may be copied for more senders.
  [[nodiscard]] Descriptor take_socket() { return std::move(socket_); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Waits for it to end, which it does once every sender's end is closed. False: it did not in time.
  bool wait(Duration limit) const;

 private:
  LogProcess(Descriptor socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

  Descriptor socket_;
  pid_t pid_ = 0;
};

}  // namespace posthorn::system
