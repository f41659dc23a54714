// mbox for old readers: <root>/<user>/mbox, all mail in one file, as mboxrd (mbox_text.hpp). Each publication holds the
// file's lock (fcntl, as lockf(3)) and then `mbox.lock` (the dot-lock), the two that readers know.
// Exactly once across crashes as far as one file allows: a mail waits, durable, in a file whose name says where in the mbox
// it goes, and leaves when it stands there durably. Whatever was cut short is made whole by the next publication
// (mbox_redo.hpp), and a repeat looks for its first lines in the mbox.
// Not found again, and so delivered twice: a mail that a reader removed, or changed in its first lines, between a crash and
// the repeat. A reader that breaks our locks while the server is down may see a part of a mail.
#pragma once

#include "store/mailbox.hpp"
#include "store/mailbox_folder.hpp"
#include "world/shared_files.hpp"

namespace posthorn::store {

class MboxFormat final : public MailboxFormat {
 public:
  /// Both outlive it. `lock_wait`: how long a publication waits for another that holds the mailbox.
  MboxFormat(world::Disk& disk, world::SharedFiles& files, MailboxSettings settings,
             Duration lock_wait = std::chrono::seconds{10})
      : files_(files), folders_(disk, std::move(settings)), lock_wait_(lock_wait) {}

  [[nodiscard]] Result<std::unique_ptr<Mailbox>> open(const MailboxTarget& target) override;

 private:
  world::SharedFiles& files_;
  MailboxFolders folders_;
  Duration lock_wait_;
};

}  // namespace posthorn::store
