// Maildir: <root>/<user>/{tmp,new,cur}. A message is written to tmp/NAME and synced, renamed to new/NAME (never over
// anything), and new/ is synced once for the batch. Exactly once across crashes (FAULTS I2): NAME is fixed before the first
// attempt, so a repeat finds it in new/, or in cur/ with the reader's flags behind a colon.
// Not found again, and so delivered a second time: a message that the user moved to another folder or removed between a
// crash and the repeat.
#pragma once

#include "store/mailbox.hpp"
#include "store/mailbox_folder.hpp"

namespace posthorn::store {

class MaildirFormat final : public MailboxFormat {
 public:
  /// The disk outlives it.
  MaildirFormat(world::Disk& disk, MailboxSettings settings) : folders_(disk, std::move(settings)) {}

  [[nodiscard]] Result<std::unique_ptr<Mailbox>> open(const MailboxTarget& target) override;

 private:
  MailboxFolders folders_;
};

}  // namespace posthorn::store
