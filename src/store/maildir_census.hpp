// MaildirCensus: counts what a Maildir and its folders (Maildir++) hold: every mail in new and cur, also those marked as
// deleted and those in Trash, as Dovecot counts them.
#pragma once

#include "store/mailbox_quota.hpp"

#include <functional>

namespace posthorn::store {

class MaildirCensus final : public MailboxCensus {
 public:
  /// The user's folder, which outlives it.
  explicit MaildirCensus(world::Folder& base) : base_(base) {}

  [[nodiscard]] Result<MailboxUse> count() override;
  [[nodiscard]] Result<std::optional<std::int64_t>> last_change() override;

 private:
  using Visit = std::function<Result<>(world::Folder&)>;

  /// Every folder of the mailbox that holds mail.
  [[nodiscard]] Result<> each_folder(const Visit& visit);
  [[nodiscard]] static Result<> each_of(world::Folder& folder, const Visit& visit);

  world::Folder& base_;
};

}  // namespace posthorn::store
