// SendWorker: the background process of one entry. It holds the entry's lock for as long as it lives, so that there is never a
// second one, and writes down each step before it takes the next, so that another process can go on where it stopped.
#pragma once

#include "cli/exit_status.hpp"
#include "cli/send_log.hpp"
#include "cli/send_work.hpp"
#include "service/send_entries.hpp"
#include "system/background.hpp"
#include "system/clock.hpp"
#include "system/posix_disk.hpp"

#include <memory>
#include <optional>
#include <string>

namespace posthorn::cli {

class SendWorker {
 public:
  SendWorker(std::string folder, std::string id, std::string configuration)
      : folder_(std::move(folder)), id_(std::move(id)), configuration_(std::move(configuration)) {}

  /// Takes the entry over (`take_over` gets the words for the user, or "!" and why not) and works until it is decided.
  [[nodiscard]] ExitStatus run(const system::TakeOver& take_over);

 private:
  [[nodiscard]] Result<> open();
  [[nodiscard]] ExitStatus work();
  [[nodiscard]] bool wait();
  [[nodiscard]] bool attempt();
  [[nodiscard]] SendTry try_server();
  [[nodiscard]] bool plan_next(const SendTry& done);
  [[nodiscard]] ExitStatus finish();
  void notify(const std::string& what);
  void save();
  [[nodiscard]] Duration age() const;
  [[nodiscard]] std::string plan_in_words() const;

  std::string folder_;
  std::string id_;
  std::string configuration_;
  system::SystemClock clock_;
  system::PosixDisk disk_;
  std::optional<service::SendEntries> entries_;
  std::unique_ptr<world::FileLock> lock_;
  std::unique_ptr<SendLog> log_;
  std::optional<service::FileLetter> letter_;
  service::SendEntry entry_;
  MonotonicTime started_{};
  Duration age_at_start_{};
};

}  // namespace posthorn::cli
