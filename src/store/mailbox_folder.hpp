// MailboxFolders: the way from the mail root to a user's folder and the folders in it, for every mailbox format. Made where
// they are missing; never through a link; checked to belong to whom they must and not to be writable by everybody, so that
// no other local user can have put them there (SECURITY.md, "Links and races in user folders").
// What it opens is durable: names it made, or that an earlier start may have made without a sync, are synced first.
#pragma once

#include "base/result.hpp"
#include "store/mailbox.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace posthorn::store {

struct MailboxSettings {
  std::string root;      ///< absolute; made by the administrator or at start, never by a delivery
  MailboxOwner account;  ///< that we run as
  unsigned folder_mode = 0700;
  unsigned file_mode = 0600;
  std::uint64_t quota = 0;            ///< what a mailbox may hold, octets; 0: no limit
  std::size_t known_limit = 200'000;  ///< mailboxes remembered as durable; past it they are synced once more
};

/// A user's folder and the folders in it, in the order they were asked for.
struct MailboxFolderSet {
  std::unique_ptr<world::Folder> base;
  std::vector<std::unique_ptr<world::Folder>> folders;
};

class MailboxFolders {
 public:
  /// The disk outlives it.
  MailboxFolders(world::Disk& disk, MailboxSettings settings) : disk_(disk), settings_(std::move(settings)) {}

  /// Opens <root>/<user> and the named folders in it. Any thread.
  [[nodiscard]] Result<MailboxFolderSet> open(const MailboxTarget& target, std::span<const std::string_view> names);
  /// Opens the folder that the steps lead to from the root, and the named folders in it.
  [[nodiscard]] Result<MailboxFolderSet> open(std::span<const std::string_view> steps, MailboxOwner owner,
                                              std::span<const std::string_view> names);
  /// Of the files in this mailbox.
  [[nodiscard]] PendingRights rights(const MailboxTarget& target) const;
  [[nodiscard]] MailboxOwner owner_of(const MailboxTarget& target) const {
    return target.owner.value_or(settings_.account);
  }
  [[nodiscard]] const MailboxSettings& settings() const { return settings_; }

 private:
  struct Opening;

  [[nodiscard]] Result<> open_all(Opening& opening, std::span<const std::string_view> steps,
                                  std::span<const std::string_view> names);
  [[nodiscard]] Result<std::unique_ptr<world::Folder>> open_one(Opening& opening, world::Folder& parent,
                                                                std::string_view name);
  [[nodiscard]] Result<std::unique_ptr<world::Folder>> make_one(Opening& opening, world::Folder& parent,
                                                                std::string_view name);
  [[nodiscard]] Result<> settle(Opening& opening);
  [[nodiscard]] bool is_known(const std::string& path);
  void remember(const std::string& path);

  world::Disk& disk_;
  MailboxSettings settings_;
  std::mutex mutex_;
  std::unordered_set<std::string> known_;
};

}  // namespace posthorn::store
