#include "store/mailbox_quota.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::store {

Result<> MailboxQuota::look() {
  if (settings_.limit == 0) return {};
  counted_ = false;
  added_ = {};
  const auto there = read_file();
  if (!there) return failure(there.error());
  if (!*there) return count_anew();
  if (!is_full()) return {};
  const auto changed = may_have_changed();
  if (!changed) return failure(changed.error());
  return *changed ? count_anew() : Result<>{};
}

/// False: there is none that can be believed. One that is a link or somebody else's is replaced, never read.
Result<bool> MailboxQuota::read_file() {
  auto file = world_.files.open(world_.folder, settings_.file);
  if (!file) {
    using enum Error::Kind;
    const auto kind = file.error().kind;
    if (kind == not_found || kind == is_link || kind == invalid || kind == not_permitted) return false;
    return failure(std::move(file.error()).context("opening a quota file"));
  }
  if (!is_ours(**file)) return false;
  std::string text(QuotaFileText::largest, '\0');
  const auto count = (*file)->read_at(0, text);
  if (!count) return failure(Error(count.error()).context("reading a quota file"));
  if (*count == text.size()) return false;
  text.resize(*count);
  const auto parsed = parse_quota_file(text);
  if (!parsed || parsed->limit != settings_.limit) return false;
  use_ = parsed->use;
  entries_ = parsed->entries;
  return true;
}

bool MailboxQuota::is_ours(world::SharedFile& file) const {
  const auto facts = file.facts();
  return facts && facts->links == 1 && facts->user == settings_.owner.user;
}

/// Several entries may have lost a line between two writers; a single one was counted.
Result<bool> MailboxQuota::may_have_changed() {
  if (entries_ != 1) return true;
  const auto last = world_.census.last_change();
  if (!last) return failure(last.error());
  const auto file = world_.folder.facts(settings_.file);
  return !*last || !file || **last >= file->modified_ns;
}

Result<> MailboxQuota::count_anew() {
  const auto before = world_.census.last_change();
  if (!before) return failure(before.error());
  const auto use = world_.census.count();
  if (!use) return failure(Error(use.error()).context("counting what a mailbox holds"));
  use_ = *use;
  counted_ = true;
  if (auto written = write_file(); !written) return written;
  // Mail that came or went while we counted may be in it or not (Maildir++).
  const auto after = world_.census.last_change();
  if (!after || *after != *before) forget();
  return {};
}

Result<> MailboxQuota::write_file() {
  const auto hidden = "." + settings_.file + ".new";
  static_cast<void>(world_.staging.remove(hidden));  // what a crash left behind
  auto file = world_.staging.create_file(hidden, settings_.rights.mode);
  if (!file) return failure(std::move(file.error()).context("making a quota file"));
  if (const auto& owner = settings_.rights.owner) {
    if (auto given = (*file)->set_owner(owner->user, owner->group); !given) return given;
  }
  if (auto put = (*file)->write_at(0, quota_file(settings_.limit, use_)); !put) {
    static_cast<void>(world_.staging.remove(hidden));
    return failure(std::move(put.error()).context("writing a quota file"));
  }
  return world_.staging.rename(hidden, world_.folder, settings_.file, true);
}

Result<> MailboxQuota::admit(std::uint64_t octets) {
  if (settings_.limit == 0) return {};
  if (!fits(octets) && !counted_) {
    const auto changed = may_have_changed();
    if (!changed) return failure(changed.error());
    // What was admitted a moment ago is not there to be counted yet.
    const auto waiting = added_;
    if (*changed) {
      if (auto counted = count_anew(); !counted) return counted;
      use_.octets += waiting.octets;
      use_.mails += waiting.mails;
    }
  }
  if (!fits(octets)) return over_quota();
  use_.octets += octets;
  added_.octets += octets;
  ++added_.mails;
  return {};
}

void MailboxQuota::dismiss(std::uint64_t octets) {
  use_.octets -= std::min(octets, use_.octets);
  added_.octets -= std::min(octets, added_.octets);
  added_.mails -= std::min<std::uint64_t>(1, added_.mails);
}

void MailboxQuota::write_down() {
  if (settings_.limit == 0 || added_.mails == 0) return;
  const auto file = world_.files.open(world_.folder, settings_.file);
  const bool noted = file && is_ours(**file) && (*file)->append(quota_line(added_)) && (*file)->close();
  if (!noted) forget();
  added_ = {};
}

void MailboxQuota::forget() {
  if (settings_.limit > 0) static_cast<void>(world_.folder.remove(settings_.file));
}

std::unexpected<Error> MailboxQuota::over_quota() const {
  return failure(Error::Kind::over_quota,
                 fmt::format("{} holds {} octets in {} mails, and may hold {} ([mailbox] quota)", world_.folder.path(),
                             use_.octets, use_.mails, settings_.limit));
}

}  // namespace posthorn::store
