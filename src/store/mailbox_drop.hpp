// FileDrop: a mailbox in which every mail is a file of its own. It is written and synced in one folder, renamed into the
// folder where readers look (never over anything), and that folder is synced once for the batch. Readers move files on to a
// third folder. Maildir and the hand-over folders are of this kind.
// Exactly once across crashes (FAULTS I2): the name is fixed before the first attempt, so a repeat finds it where it was
// published or where readers put it.
#pragma once

#include "store/mailbox.hpp"
#include "store/mailbox_folder.hpp"
#include "store/mailbox_quota.hpp"

#include <unordered_set>

namespace posthorn::store {

class FileDrop final : public Mailbox {
 public:
  struct Places {
    world::Folder& staging;
    std::string_view staging_prefix;  ///< a literal; before the name while it is staged
    world::Folder& visible;
    world::Folder& moved_on;
  };

  /// `folders` own what `places` refer to.
  FileDrop(MailboxFolderSet folders, Places places, PendingRights rights)
      : folders_(std::move(folders)), places_(places), rights_(rights) {}

  [[nodiscard]] Result<std::unique_ptr<PendingMail>> stage(IncomingMail mail) override;
  [[nodiscard]] std::vector<Result<>> publish(std::span<PendingMail* const> mails) override;

  /// What is published is admitted there first; what was there before always may be. It outlives the drop.
  void count_with(MailboxQuota& quota) { quota_ = &quota; }
  /// Mail was published that had been there before, counted or not.
  [[nodiscard]] bool has_met_repeats() const { return has_met_repeats_; }

 private:
  enum class Found : std::uint8_t { no, visible, moved_on };

  void look_for_repeats(std::span<PendingFile* const> mails, std::span<Result<>> results, std::vector<Found>& found);
  [[nodiscard]] Result<bool> take_back(PendingFile& mail);
  [[nodiscard]] Result<std::unordered_set<std::string>> names_moved_on();
  void admit(std::span<PendingFile* const> mails, std::span<Result<>> results, const std::vector<Found>& found);
  [[nodiscard]] Result<> show(PendingFile& mail);
  [[nodiscard]] Result<> settle_namesake(PendingFile& mail);
  [[nodiscard]] Result<> move_to_visible(PendingFile& mail);

  MailboxFolderSet folders_;
  Places places_;
  PendingRights rights_;
  MailboxQuota* quota_ = nullptr;  // none: no limit
  bool has_met_repeats_ = false;
};

}  // namespace posthorn::store
