// Numbered files (mission D): <root>/<user>/<n>.txt in order of arrival and <n>.status beside it with its state.
// docs/mailbox_formats.md describes the files and what a reader may do. Every publication holds the lock on `.lock`
// (lockf's family), so that any number of processes and threads deliver to one mailbox: no number is left out, none is
// given twice, not even when its message has been removed since.
// Exactly once across crashes: the status file names its message and stands, durable, before the text does. A repeat finds
// its number there. Not found again: a message whose two files a reader has removed between a crash and the repeat.
#pragma once

#include "store/mailbox.hpp"
#include "store/mailbox_folder.hpp"
#include "world/shared_files.hpp"

namespace posthorn::store {

class NumberedFormat final : public MailboxFormat {
 public:
  /// Both outlive it. `lock_wait`: how long a publication waits for another that holds the mailbox.
  NumberedFormat(world::Disk& disk, world::SharedFiles& files, MailboxSettings settings,
                 Duration lock_wait = std::chrono::seconds{10})
      : files_(files), folders_(disk, std::move(settings)), lock_wait_(lock_wait) {}

  [[nodiscard]] Result<std::unique_ptr<Mailbox>> open(const MailboxTarget& target) override;

 private:
  world::SharedFiles& files_;
  MailboxFolders folders_;
  Duration lock_wait_;
};

}  // namespace posthorn::store
