#include "store/maildir.hpp"

#include <fmt/core.h>

#include <array>
#include <unordered_set>
#include <utility>

namespace posthorn::store {
namespace {

using world::Folder;

constexpr std::array<std::string_view, 3> folder_names{"tmp", "new", "cur"};

class Maildir final : public Mailbox {
 public:
  Maildir(MailboxFolderSet set, std::optional<MailboxOwner> file_owner, unsigned file_mode)
      : set_(std::move(set)), file_owner_(file_owner), file_mode_(file_mode) {}

  Result<std::unique_ptr<PendingMail>> stage(IncomingMail mail) override {
    auto name = mail.name;
    return PendingMail::create({tmp(), std::move(name), file_mode_, file_owner_}, std::move(mail));
  }

  std::vector<Result<>> publish(std::span<PendingMail* const> mails) override;

 private:
  using Results = std::span<Result<>>;
  enum class Found : std::uint8_t { no, in_cur };

  [[nodiscard]] Folder& tmp() { return *set_.folders[0]; }
  [[nodiscard]] Folder& fresh() { return *set_.folders[1]; }
  [[nodiscard]] Folder& cur() { return *set_.folders[2]; }

  void look_for_repeats(std::span<PendingMail* const> mails, Results results, std::vector<Found>& found);
  [[nodiscard]] Result<bool> take_back(PendingMail& mail);
  [[nodiscard]] Result<std::unordered_set<std::string>> names_in_cur();
  [[nodiscard]] Result<> move_to_new(PendingMail& mail);
  [[nodiscard]] Result<> settle_namesake(PendingMail& mail);

  MailboxFolderSet set_;
  std::optional<MailboxOwner> file_owner_;
  unsigned file_mode_;
};

void fail_all(std::span<Result<>> results, const Error& error) {
  for (auto& result : results) {
    if (result) result = failure(error);
  }
}

std::vector<Result<>> Maildir::publish(std::span<PendingMail* const> mails) {
  std::vector<Result<>> results(mails.size());
  std::vector<Found> found(mails.size(), Found::no);
  look_for_repeats(mails, results, found);
  bool any_in_cur = false;
  for (std::size_t i = 0; i < mails.size(); ++i) {
    any_in_cur |= found[i] == Found::in_cur;
    if (results[i] && found[i] == Found::no) results[i] = move_to_new(*mails[i]);
  }
  if (auto synced = fresh().sync(); !synced) fail_all(results, std::move(synced).error().context("syncing new mail"));
  if (!any_in_cur) return results;
  if (auto synced = cur().sync(); !synced) fail_all(results, std::move(synced).error().context("syncing read mail"));
  return results;
}

/// First new/ for all of them, then cur/: a reader moves mail only that way, so that none is missed in between.
void Maildir::look_for_repeats(std::span<PendingMail* const> mails, Results results, std::vector<Found>& found) {
  std::vector<std::size_t> not_in_new;
  for (std::size_t i = 0; i < mails.size(); ++i) {
    if (!mails[i]->mail().may_be_repeat) continue;
    const auto taken = take_back(*mails[i]);
    if (!taken) {
      results[i] = failure(taken.error());
    } else if (!*taken) {
      not_in_new.push_back(i);
    }
  }
  if (not_in_new.empty()) return;
  const auto names = names_in_cur();
  for (const auto i : not_in_new) {
    if (!names) {
      results[i] = failure(names.error());
    } else if (names->contains(mails[i]->file_name())) {
      found[i] = Found::in_cur;
    }
  }
}

/// Puts the copy that an earlier attempt published back in the place of the one just written. It is published anew, and its
/// name with it: a name whose sync failed is not made durable by a later sync alone (FAULTS F4). False: there is none.
Result<bool> Maildir::take_back(PendingMail& mail) {
  auto moved = fresh().rename(mail.file_name(), tmp(), mail.file_name(), true);
  if (moved) return true;
  if (moved.error().kind == Error::Kind::not_found) return false;
  return failure(std::move(moved).error().context("looking for an earlier delivery"));
}

/// Without what readers append: flags after a colon, sizes after a comma.
Result<std::unordered_set<std::string>> Maildir::names_in_cur() {
  auto entries = cur().list();
  if (!entries) return failure(std::move(entries).error().context("looking for an earlier delivery"));
  std::unordered_set<std::string> names;
  for (const auto& entry : *entries) names.insert(entry.name.substr(0, entry.name.find_first_of(":,")));
  return names;
}

Result<> Maildir::move_to_new(PendingMail& mail) {
  auto moved = tmp().rename(mail.file_name(), fresh(), mail.file_name(), false);
  if (!moved && moved.error().kind == Error::Kind::exists) return settle_namesake(mail);
  if (!moved) return failure(std::move(moved).error().context("moving a mail to new"));
  mail.release();
  return {};
}

/// The name is taken although this was not said to be a repeat. The same size: it is this message. Another: a name was
/// given twice, and no mail may be lost by that.
Result<> Maildir::settle_namesake(PendingMail& mail) {
  const auto there = fresh().facts(mail.file_name());
  if (!there) return failure(there.error());
  if (there->size != mail.octets()) {
    return failure(Error::Kind::exists, fmt::format("{}/{} is another message of the same name: move it away",
                                                    fresh().path(), mail.file_name()));
  }
  if (const auto taken = take_back(mail); !taken) return failure(taken.error());
  auto moved = tmp().rename(mail.file_name(), fresh(), mail.file_name(), false);
  if (moved) mail.release();
  return moved;
}

}  // namespace

Result<std::unique_ptr<Mailbox>> MaildirFormat::open(const MailboxTarget& target) {
  auto set = folders_.open(target, folder_names);
  if (!set) return failure(std::move(set).error());
  return std::make_unique<Maildir>(std::move(*set), folders_.file_owner(target), folders_.settings().file_mode);
}

}  // namespace posthorn::store
