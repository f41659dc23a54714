#include "store/maildir.hpp"

#include "base/ascii.hpp"
#include "store/mailbox_drop.hpp"
#include "store/maildir_census.hpp"
#include "store/maildir_names.hpp"

#include <array>
#include <map>
#include <mutex>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::array<std::string_view, 3> folder_names{"tmp", "new", "cur"};

std::unique_ptr<FileDrop> make_drop(MailboxFolderSet set, const PendingRights& rights, MailboxQuota& quota) {
  const FileDrop::Places places{*set.folders[0], "", *set.folders[1], *set.folders[2]};
  auto drop = std::make_unique<FileDrop>(std::move(set), places, rights);
  drop->count_with(quota);
  return drop;
}

/// The INBOX and such folders as mail of this batch is for.
class Maildir final : public Mailbox {
 public:
  Maildir(MailboxFolders& folders, world::SharedFiles& files, const MailboxTarget& target, MailboxFolderSet inbox)
      : folders_(folders),
        target_(target),
        rights_(folders.rights(target)),
        base_(*inbox.base),
        census_(base_),
        quota_({files, base_, *inbox.folders[0], census_},
               {folders.settings().quota, "maildirsize", folders.owner_of(target), rights_}),
        inbox_(make_drop(std::move(inbox), rights_, quota_)) {}

  /// Before the first mail.
  [[nodiscard]] Result<> look_at_quota() { return quota_.look(); }

  Result<std::unique_ptr<PendingMail>> stage(IncomingMail mail) override;
  std::vector<Result<>> publish(std::span<PendingMail* const> mails) override;

 private:
  [[nodiscard]] Result<FileDrop*> drop_for(const IncomingMail& mail);
  [[nodiscard]] Result<std::string> find_folder(std::string_view name);
  [[nodiscard]] FileDrop* drop_of(const PendingFile& mail);

  MailboxFolders& folders_;
  MailboxTarget target_;
  PendingRights rights_;
  world::Folder& base_;  // the drop's
  MaildirCensus census_;
  MailboxQuota quota_;
  std::unique_ptr<FileDrop> inbox_;
  std::mutex mutex_;                                        // of what follows; mail is staged by several threads
  std::map<std::string, std::unique_ptr<FileDrop>> drops_;  // by the folder's name as it was asked for
  std::map<std::string, FileDrop*> places_;                 // by the mail's name
};

Result<std::unique_ptr<PendingMail>> Maildir::stage(IncomingMail mail) {
  // A repeat may be there already, and then it is no question of room.
  if (quota_.is_full() && !mail.may_be_repeat) {
    return failure(Error::Kind::over_quota, base_.path() + " is full ([mailbox] quota)");
  }
  const auto drop = drop_for(mail);
  if (!drop) return failure(drop.error());
  return (*drop)->stage(std::move(mail));
}

Result<FileDrop*> Maildir::drop_for(const IncomingMail& mail) {
  if (mail.folder.empty()) return inbox_.get();
  const std::scoped_lock guard{mutex_};
  auto& drop = drops_[mail.folder];
  if (drop == nullptr) {
    const auto found = find_folder(mail.folder);
    if (!found) return failure(found.error());
    if (found->empty()) {
      drops_.erase(mail.folder);
      return inbox_.get();
    }
    const std::array<std::string_view, 2> steps{target_.user.text(), *found};
    auto set = folders_.open(steps, folders_.owner_of(target_), folder_names);
    if (!set) return failure(std::move(set).error());
    drop = make_drop(std::move(*set), rights_, quota_);
  }
  places_[mail.name] = drop.get();
  return drop.get();
}

/// The folder's name as the user wrote it, in whatever case; empty: there is none.
Result<std::string> Maildir::find_folder(std::string_view name) {
  const auto wanted = maildir_folder_name(name);
  if (!wanted) return std::string{};
  const auto facts = base_.facts(*wanted);
  if (facts && facts->type == world::EntryType::folder) return *wanted;
  auto entries = base_.list();
  if (!entries) return failure(std::move(entries).error().context("looking for a folder"));
  std::string found;
  for (const auto& entry : *entries) {
    if (entry.type != world::EntryType::folder || !ascii::same_word(entry.name, *wanted)) continue;
    if (found.empty() || entry.name < found) found = entry.name;
  }
  return found;
}

FileDrop* Maildir::drop_of(const PendingFile& mail) {
  const auto place = places_.find(mail.mail().name);
  return place == places_.end() ? inbox_.get() : place->second;
}

/// Folder by folder; within one in the order they came.
std::vector<Result<>> Maildir::publish(std::span<PendingMail* const> mails) {
  const auto files = as_files(mails);
  std::vector<Result<>> results(mails.size());
  std::map<FileDrop*, std::vector<std::size_t>> by_drop;
  for (std::size_t i = 0; i < mails.size(); ++i) by_drop[drop_of(*files[i])].push_back(i);
  bool any_repeats = false;
  for (const auto& [drop, places] : by_drop) {
    const auto looked = quota_.look();
    for (const auto i : places) {
      if (!looked) results[i] = failure(looked.error());
    }
    if (!looked) continue;
    std::vector<PendingMail*> these;
    for (const auto i : places) these.push_back(mails[i]);
    auto published = drop->publish(these);
    for (std::size_t k = 0; k < places.size(); ++k) results[places[k]] = std::move(published[k]);
    any_repeats |= drop->has_met_repeats();
    quota_.write_down();
  }
  // Whether the attempt before came to writing it down, nobody knows.
  if (any_repeats) quota_.forget();
  return results;
}

}  // namespace

Result<std::unique_ptr<Mailbox>> MaildirFormat::open(const MailboxTarget& target) {
  auto set = folders_.open(target, folder_names);
  if (!set) return failure(std::move(set).error());
  auto mailbox = std::make_unique<Maildir>(folders_, files_, target, std::move(*set));
  if (auto looked = mailbox->look_at_quota(); !looked) return failure(std::move(looked).error());
  return mailbox;
}

}  // namespace posthorn::store
