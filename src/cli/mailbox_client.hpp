// MailboxClient: users' mailboxes as the engine sees them where each is written as its user: every batch is carried out by a worker
// of its own, which the deliver process forks (docs/decisions/0062-mail-as-the-user.md), over a channel of its own. A worker that
// ends early, is late, or says what is no answer, fails its batch for the moment: whoever repeats it says so, and no mail is
// there twice. Any thread; blocks, within limits.
#pragma once

#include "store/mailbox.hpp"
#include "system/control_channel.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace posthorn::cli {

class MailboxClient final : public store::MailboxFormat {
 public:
  struct Settings {
    Duration for_process = std::chrono::seconds{10};  ///< for the deliver process to be started again
    Duration for_worker = std::chrono::seconds{30};   ///< for a worker to have opened the mailbox, or to take more text
    Duration for_result = std::chrono::minutes{2};    ///< for the next result once all is to be published
  };

  explicit MailboxClient(Settings settings) : settings_(settings) {}

  /// The way to the deliver process, or to the next one.
  void connect(system::ControlChannel channel);

  /// Breaks off what is under way, and opens nothing any more.
  void stop();

  /// Errors: those of the mailbox formats, and ended, timed_out, corrupt.
  [[nodiscard]] Result<std::unique_ptr<store::Mailbox>> open(const store::MailboxTarget& target) override;

 private:
  [[nodiscard]] Result<> order(const mail::UserName& user, int channel);
  [[nodiscard]] std::shared_ptr<system::ControlChannel> wait_for_process();
  void lose(const std::shared_ptr<system::ControlChannel>& process);
  [[nodiscard]] bool note(const std::shared_ptr<system::ControlChannel>& worker);

  const Settings settings_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<system::ControlChannel> process_;  // none: it has ended, and is not yet started again
  std::vector<std::weak_ptr<system::ControlChannel>> workers_;
  bool is_stopped_ = false;
};

}  // namespace posthorn::cli
