// Maildir: <root>/<user>/{tmp,new,cur}. A message is written to tmp/NAME and synced, renamed to new/NAME (never over
// anything), and new/ is synced once for the batch. Exactly once across crashes (FAULTS I2): NAME is fixed before the first
// attempt, so a repeat finds it in new/, or in cur/ with the reader's flags behind a colon.
// Maildir++: mail for a folder goes to <root>/<user>/.<folder>/{tmp,new,cur} where the user has made that folder, else to
// the INBOX; with a quota, `maildirsize` holds what all folders hold (mailbox_quota.hpp).
// Not found again, and so delivered a second time: a message that the user moved to another folder or removed between a
// crash and the repeat, and one whose folder the user made or renamed in that time.
#pragma once

#include "store/mailbox.hpp"
#include "store/mailbox_folder.hpp"
#include "world/shared_files.hpp"

namespace posthorn::store {

class MaildirFormat final : public MailboxFormat {
 public:
  /// Both outlive it.
  MaildirFormat(world::Disk& disk, world::SharedFiles& files, MailboxSettings settings)
      : files_(files), folders_(disk, std::move(settings)) {}

  [[nodiscard]] Result<std::unique_ptr<Mailbox>> open(const MailboxTarget& target) override;

 private:
  world::SharedFiles& files_;
  MailboxFolders folders_;
};

}  // namespace posthorn::store
