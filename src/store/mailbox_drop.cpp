#include "store/mailbox_drop.hpp"

#include "base/planted_fault.hpp"

#include <fmt/core.h>

#include <utility>

namespace posthorn::store {
namespace {

void fail_all(std::span<Result<>> results, const Error& error) {
  for (auto& result : results) {
    if (result) result = failure(error);
  }
}

}  // namespace

Result<std::unique_ptr<PendingMail>> FileDrop::stage(IncomingMail mail) {
  auto name = std::string(places_.staging_prefix) + mail.name;
  return PendingFile::create({places_.staging, std::move(name), rights_}, std::move(mail));
}

std::vector<Result<>> FileDrop::publish(std::span<PendingMail* const> staged) {
  const auto mails = as_files(staged);
  std::vector<Result<>> results(mails.size());
  std::vector<Found> found(mails.size(), Found::no);
  look_for_repeats(mails, results, found);
  admit(mails, results, found);
  bool any_moved_on = false;
  for (std::size_t i = 0; i < mails.size(); ++i) {
    any_moved_on |= found[i] == Found::moved_on;
    has_met_repeats_ |= found[i] != Found::no;
    if (!results[i] || found[i] == Found::moved_on) continue;
    results[i] = show(*mails[i]);
    if (!results[i] && quota_ != nullptr && found[i] == Found::no) quota_->dismiss(mails[i]->octets());
  }
  if (planted(PlantedFault::local_folder_sync_left_out)) return results;
  if (auto synced = places_.visible.sync(); !synced) {
    fail_all(results, std::move(synced).error().context("syncing the names of new mail"));
  }
  if (!any_moved_on) return results;
  if (auto synced = places_.moved_on.sync(); !synced) {
    fail_all(results, std::move(synced).error().context("syncing the names of old mail"));
  }
  return results;
}

/// First the visible folder for all of them, then the other: readers move mail only that way, so that none is missed in
/// between.
void FileDrop::look_for_repeats(std::span<PendingFile* const> mails, std::span<Result<>> results,
                                std::vector<Found>& found) {
  std::vector<std::size_t> not_visible;
  for (std::size_t i = 0; i < mails.size(); ++i) {
    if (!mails[i]->mail().may_be_repeat) continue;
    const auto taken = take_back(*mails[i]);
    if (!taken) {
      results[i] = failure(taken.error());
    } else if (*taken) {
      found[i] = Found::visible;
    } else {
      not_visible.push_back(i);
    }
  }
  if (not_visible.empty()) return;
  const auto names = names_moved_on();
  for (const auto i : not_visible) {
    if (!names) {
      results[i] = failure(names.error());
    } else if (names->contains(mails[i]->mail().name) && !planted(PlantedFault::local_repeat_in_cur_overlooked)) {
      found[i] = Found::moved_on;
    }
  }
}

/// Puts the copy that an earlier attempt published in the place of the one just written. It is published anew, and its name
/// with it: a name whose sync failed is not made durable by a later sync alone (FAULTS F4). False: there is none.
Result<bool> FileDrop::take_back(PendingFile& mail) {
  auto moved = places_.visible.rename(mail.mail().name, places_.staging, mail.file_name(), true);
  if (moved) return true;
  if (moved.error().kind == Error::Kind::not_found) return false;
  return failure(std::move(moved).error().context("looking for an earlier delivery"));
}

/// Without what readers append: flags after a colon, sizes after a comma.
Result<std::unordered_set<std::string>> FileDrop::names_moved_on() {
  auto entries = places_.moved_on.list();
  if (!entries) return failure(std::move(entries).error().context("looking for an earlier delivery"));
  std::unordered_set<std::string> names;
  for (const auto& entry : *entries) names.insert(entry.name.substr(0, entry.name.find_first_of(":,")));
  return names;
}

/// All of them before any is shown: what is counted meanwhile holds none of them.
void FileDrop::admit(std::span<PendingFile* const> mails, std::span<Result<>> results,
                     const std::vector<Found>& found) {
  if (quota_ == nullptr) return;
  for (std::size_t i = 0; i < mails.size(); ++i) {
    if (results[i] && found[i] == Found::no) results[i] = quota_->admit(mails[i]->octets());
  }
}

Result<> FileDrop::show(PendingFile& mail) {
  auto moved = move_to_visible(mail);
  return !moved && moved.error().kind == Error::Kind::exists ? settle_namesake(mail) : moved;
}

/// The name is taken although this was not said to be a repeat. The same size: it is this message. Another: a name was
/// given twice, and no mail may be lost by that.
Result<> FileDrop::settle_namesake(PendingFile& mail) {
  const auto there = places_.visible.facts(mail.mail().name);
  if (!there) return failure(there.error());
  if (there->size != mail.octets()) {
    return failure(Error::Kind::exists, fmt::format("{}/{} is another message of the same name: move it away",
                                                    places_.visible.path(), mail.mail().name));
  }
  if (const auto taken = take_back(mail); !taken) return failure(taken.error());
  return move_to_visible(mail);
}

Result<> FileDrop::move_to_visible(PendingFile& mail) {
  auto moved = places_.staging.rename(mail.file_name(), places_.visible, mail.mail().name, false);
  if (!moved) return failure(std::move(moved).error().context("showing a mail"));
  mail.release();
  return {};
}

}  // namespace posthorn::store
