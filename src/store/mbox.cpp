#include "store/mbox.hpp"

#include "store/mbox_redo.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::string_view mbox_name = "mbox";
constexpr std::string_view dot_lock_name = "mbox.lock";
constexpr std::string_view mark = "posthorn\n";  // in the dot-lock: whoever writes it holds the other lock already
constexpr int most_replacements = 5;

class Mbox final : public Mailbox {
 public:
  struct Settings {
    std::uint64_t quota = 0;
    MailboxOwner owner;
    PendingRights rights{};
    Duration lock_wait{};
  };

  Mbox(MailboxFolderSet set, world::SharedFiles& files, Settings settings)
      : set_(std::move(set)), files_(files), settings_(settings) {}

  Result<std::unique_ptr<PendingMail>> stage(IncomingMail mail) override;
  std::vector<Result<>> publish(std::span<PendingMail* const> mails) override;

 private:
  [[nodiscard]] world::Folder& folder() { return *set_.base; }
  [[nodiscard]] Result<> publish_all(std::span<PendingFile* const> mails, std::vector<Result<>>& results);
  [[nodiscard]] Result<std::unique_ptr<world::SharedFile>> open_locked();
  [[nodiscard]] Result<std::unique_ptr<world::SharedFile>> open_or_make();
  [[nodiscard]] Result<> make();
  [[nodiscard]] Result<> check(const world::EntryFacts& facts);
  [[nodiscard]] Result<> admit(const PendingFile& mail, std::uint64_t& size);

  MailboxFolderSet set_;
  world::SharedFiles& files_;
  Settings settings_;
};

Result<std::unique_ptr<PendingMail>> Mbox::stage(IncomingMail mail) {
  auto name = "." + mail.name;
  mail.head.insert(0, from_line(mail.sender, mail.arrival));
  return PendingFile::create({folder(), std::move(name), settings_.rights, MailForm::mbox}, std::move(mail));
}

std::vector<Result<>> Mbox::publish(std::span<PendingMail* const> mails) {
  std::vector<Result<>> results(mails.size());
  if (const auto all = publish_all(as_files(mails), results); !all) {
    for (auto& result : results) {
      if (result) result = failure(all.error());
    }
  }
  return results;
}

/// An error is everybody's.
Result<> Mbox::publish_all(std::span<PendingFile* const> mails, std::vector<Result<>>& results) {
  const auto mbox = open_locked();
  if (!mbox) return failure(mbox.error());
  const auto dot_lock = files_.dot_lock(folder(), dot_lock_name, mark, settings_.lock_wait);
  if (!dot_lock) return failure(dot_lock.error());
  MboxRedo redo(folder(), **mbox);
  if (auto finished = redo.finish_earlier(); !finished) return finished;
  auto size = (*mbox)->size();
  if (!size) return failure(size.error());
  std::vector<PendingFile*> fresh;
  for (std::size_t i = 0; i < mails.size(); ++i) {
    const auto there = mails[i]->mail().may_be_repeat ? redo.holds(*mails[i]) : Result<bool>{false};
    if (!there) return failure(there.error());
    if (*there) continue;
    results[i] = admit(*mails[i], *size);
    if (results[i]) fresh.push_back(mails[i]);
  }
  return redo.add(fresh);
}

Result<> Mbox::admit(const PendingFile& mail, std::uint64_t& size) {
  if (settings_.quota > 0 && size + mail.octets() > settings_.quota) {
    return failure(Error::Kind::over_quota, fmt::format("{}/{} holds {} octets and may hold {} ([mailbox] quota)",
                                                        folder().path(), mbox_name, size, settings_.quota));
  }
  size += mail.octets();
  return {};
}

/// Locked, and still the file of that name: a reader may have put another in its place while we waited.
Result<std::unique_ptr<world::SharedFile>> Mbox::open_locked() {
  for (int i = 0; i < most_replacements; ++i) {
    auto file = open_or_make();
    if (!file) return file;
    if (auto locked = (*file)->lock(settings_.lock_wait); !locked) return failure(std::move(locked).error());
    const auto held = (*file)->facts();
    if (!held) return failure(held.error());
    const auto named = folder().facts(mbox_name);
    if (!named || named->inode != held->inode) continue;
    if (auto right = check(*held); !right) return failure(std::move(right).error());
    return file;
  }
  return failure(Error::Kind::in_use, fmt::format("{}/{} is replaced again and again", folder().path(), mbox_name));
}

Result<std::unique_ptr<world::SharedFile>> Mbox::open_or_make() {
  auto file = files_.open(folder(), mbox_name);
  if (file || file.error().kind != Error::Kind::not_found) return file;
  if (auto made = make(); !made) return failure(std::move(made).error());
  return files_.open(folder(), mbox_name);
}

Result<> Mbox::make() {
  auto made = folder().create_file(mbox_name, settings_.rights.mode);
  if (!made && made.error().kind == Error::Kind::exists) return {};  // by another at the same moment
  if (!made) return failure(std::move(made).error());
  if (const auto& owner = settings_.rights.owner) {
    if (auto given = (*made)->set_owner(owner->user, owner->group); !given) return given;
  }
  return folder().sync();
}

Result<> Mbox::check(const world::EntryFacts& facts) {
  if (facts.links == 1 && facts.user == settings_.owner.user) return {};
  return failure(
      Error::Kind::not_permitted,
      fmt::format("{}/{} has {} names and belongs to account {}; it must have one and belong to {}: move it away",
                  folder().path(), mbox_name, facts.links, facts.user, settings_.owner.user));
}

}  // namespace

Result<std::unique_ptr<Mailbox>> MboxFormat::open(const MailboxTarget& target) {
  auto set = folders_.open(target, {});
  if (!set) return failure(std::move(set).error());
  return std::make_unique<Mbox>(
      std::move(*set), files_,
      Mbox::Settings{folders_.settings().quota, folders_.owner_of(target), folders_.rights(target), lock_wait_});
}

}  // namespace posthorn::store
