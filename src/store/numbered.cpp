#include "store/numbered.hpp"

#include "base/ascii.hpp"
#include "store/mailbox_quota.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>

namespace posthorn::store {
namespace {

using Number = std::uint64_t;
using world::Folder;

constexpr std::string_view lock_name = ".lock";
constexpr std::string_view last_name = ".last";  // the last number that was given
constexpr std::string_view text_suffix = ".txt";
constexpr std::string_view status_suffix = ".status";
constexpr Number largest_number = 1'000'000'000'000'000;  // past it a file of ours is not believed
constexpr std::size_t largest_status = 4'096;

std::string text_name(Number number) { return fmt::format("{}{}", number, text_suffix); }
std::string status_name(Number number) { return fmt::format("{}{}", number, status_suffix); }
/// Where no reader looks.
std::string hidden_name(const IncomingMail& mail) { return "." + mail.name; }
std::string hidden_status_name(const IncomingMail& mail) { return hidden_name(mail) + std::string(status_suffix); }

/// A number as we write it: no leading zero.
std::optional<Number> to_mail_number(std::string_view text) {
  const auto number = ascii::to_number(text);
  if (!number || *number == 0 || *number > largest_number || text.front() == '0') return std::nullopt;
  return number;
}

/// The number of a name like "12.txt".
std::optional<Number> number_of(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  return to_mail_number(name.substr(0, name.size() - suffix.size()));
}

/// docs/mailbox_formats.md: state words, then whose status it is.
std::string first_status(const IncomingMail& mail) {
  return fmt::format("recent\nunseen\nid {}\nname {}\n", mail.id.to_string(), mail.name);
}

std::string_view name_in(std::string_view status) {
  constexpr std::string_view key = "name ";
  while (!status.empty()) {
    const auto line = status.substr(0, status.find('\n'));
    if (line.starts_with(key)) return line.substr(key.size());
    status.remove_prefix(std::min(line.size() + 1, status.size()));
  }
  return {};
}

Result<std::string> read_some(Folder& folder, std::string_view name, std::size_t limit) {
  auto file = folder.open_file(name, false);
  if (!file) return failure(std::move(file).error());
  std::string bytes(limit, '\0');
  const auto count = (*file)->read_at(0, bytes);
  if (!count) return failure(count.error());
  bytes.resize(*count);
  return bytes;
}

/// Counts the texts. Readers remove mail under the lock without a word to us, so only counting tells.
class NumberedCensus final : public MailboxCensus {
 public:
  explicit NumberedCensus(Folder& folder) : folder_(folder) {}

  Result<MailboxUse> count() override {
    const auto entries = folder_.list();
    if (!entries) return failure(entries.error());
    MailboxUse use;
    for (const auto& entry : *entries) {
      if (!number_of(entry.name, text_suffix)) continue;
      const auto facts = folder_.facts(entry.name);
      if (!facts && facts.error().kind == Error::Kind::not_found) continue;
      if (!facts) return failure(facts.error());
      use.octets += facts->size;
      ++use.mails;
    }
    return use;
  }
  Result<std::optional<std::int64_t>> last_change() override { return std::nullopt; }

 private:
  Folder& folder_;
};

/// A mail with its place in the order.
struct Placed {
  PendingFile* mail = nullptr;
  Result<> result{};
  Number number = 0;        ///< 0: none yet
  bool has_number = false;  ///< from an earlier attempt
};

class Numbered final : public Mailbox {
 public:
  Numbered(MailboxFolderSet set, world::SharedFiles& files, const QuotaSettings& quota, Duration lock_wait)
      : set_(std::move(set)),
        rights_(quota.rights),
        census_(folder()),
        quota_({files, folder(), folder(), census_}, quota),
        lock_wait_(lock_wait) {}

  Result<std::unique_ptr<PendingMail>> stage(IncomingMail mail) override {
    auto name = hidden_name(mail);
    return PendingFile::create({folder(), std::move(name), rights_}, std::move(mail));
  }

  std::vector<Result<>> publish(std::span<PendingMail* const> mails) override;

 private:
  [[nodiscard]] Folder& folder() { return *set_.base; }

  [[nodiscard]] Result<> publish_all(std::vector<Placed>& placed);
  [[nodiscard]] Result<> prepare_status(const IncomingMail& mail);
  [[nodiscard]] Result<> write_new(const std::string& name, std::string_view bytes);
  [[nodiscard]] Result<> make_if_missing(std::string_view name);
  [[nodiscard]] Result<> find_repeats(std::vector<Placed>& placed);
  [[nodiscard]] Result<Number> last_number();
  [[nodiscard]] Result<Number> highest_listed();
  [[nodiscard]] Result<> admit(std::vector<Placed>& placed);
  [[nodiscard]] Result<> reserve(Placed& mail, Number& last);
  [[nodiscard]] Result<bool> take_next(const IncomingMail& mail, Number number);
  [[nodiscard]] Result<> remember_last(Number last);
  [[nodiscard]] Result<> show(Placed& mail);

  MailboxFolderSet set_;
  PendingRights rights_;
  NumberedCensus census_;
  MailboxQuota quota_;
  Duration lock_wait_;
};

std::vector<Result<>> Numbered::publish(std::span<PendingMail* const> mails) {
  std::vector<Placed> placed;
  for (auto* mail : as_files(mails)) placed.push_back({.mail = mail, .result = prepare_status(mail->mail())});
  const auto all = publish_all(placed);
  std::vector<Result<>> results;
  for (auto& one : placed) {
    // A status without a number is of no use; the one with a number stays, it keeps that number for the next attempt.
    if (one.number == 0) static_cast<void>(folder().remove(hidden_status_name(one.mail->mail())));
    results.push_back(one.result && !all ? Result<>{failure(all.error())} : std::move(one.result));
  }
  return results;
}

/// An error is everybody's.
Result<> Numbered::publish_all(std::vector<Placed>& placed) {
  if (auto made = make_if_missing(lock_name); !made) return made;
  const auto lock = folder().lock(lock_name, lock_wait_);
  if (!lock) return failure(lock.error());
  if (auto made = make_if_missing(last_name); !made) return made;
  if (auto found = find_repeats(placed); !found) return found;
  if (auto admitted = admit(placed); !admitted) return admitted;
  auto last = last_number();
  if (!last) return failure(last.error());

  // First whose number it is, then how far the numbers go, then the text: in this order on the disk, too.
  for (auto& mail : placed) {
    if (mail.result) mail.result = reserve(mail, *last);
  }
  if (auto synced = folder().sync(); !synced) return synced;
  if (auto noted = remember_last(*last); !noted) return noted;
  for (auto& mail : placed) {
    if (mail.result) mail.result = show(mail);
  }
  quota_.write_down();
  if (std::ranges::any_of(placed, &Placed::has_number)) quota_.forget();  // whether it was counted, nobody knows
  return folder().sync();
}

/// Only what is new: for a mail that has its number already it is no question of room.
Result<> Numbered::admit(std::vector<Placed>& placed) {
  if (auto looked = quota_.look(); !looked) return looked;
  for (auto& mail : placed) {
    if (mail.result && !mail.has_number) mail.result = quota_.admit(mail.mail->octets());
  }
  return {};
}

Result<> Numbered::prepare_status(const IncomingMail& mail) {
  const auto name = hidden_status_name(mail);
  // What a crash left behind; if there is nothing, so much the better.
  static_cast<void>(folder().remove(name));
  return write_new(name, first_status(mail));
}

Result<> Numbered::write_new(const std::string& name, std::string_view bytes) {
  auto file = folder().create_file(name, rights_.mode);
  if (!file) return failure(std::move(file).error());
  if (const auto& owner = rights_.owner) {
    if (auto given = (*file)->set_owner(owner->user, owner->group); !given) return given;
  }
  if (auto put = (*file)->write_at(0, bytes); !put) return put;
  if (auto synced = (*file)->sync_data(); !synced) return synced;
  return (*file)->close();
}

Result<> Numbered::make_if_missing(std::string_view name) {
  auto made = write_new(std::string(name), {});
  if (!made && made.error().kind == Error::Kind::exists) return {};
  return made;
}

Result<> Numbered::find_repeats(std::vector<Placed>& placed) {
  std::unordered_map<std::string_view, Placed*> wanted;
  for (auto& mail : placed) {
    if (mail.mail->mail().may_be_repeat) wanted.emplace(mail.mail->mail().name, &mail);
  }
  if (wanted.empty()) return {};
  const auto entries = folder().list();
  if (!entries) return failure(entries.error());
  for (const auto& entry : *entries) {
    const auto number = number_of(entry.name, status_suffix);
    if (!number) continue;
    const auto status = read_some(folder(), entry.name, largest_status);
    if (!status) return failure(status.error());
    const auto found = wanted.find(name_in(*status));
    if (found == wanted.end()) continue;
    found->second->number = *number;
    found->second->has_number = true;
  }
  return {};
}

Result<Number> Numbered::last_number() {
  const auto text = read_some(folder(), last_name, largest_status);
  if (!text) return failure(text.error());
  const auto digits = text->substr(0, text->find('\n'));
  const auto number = to_mail_number(digits.substr(std::min(digits.find_first_not_of('0'), digits.size())));
  return number ? Result<Number>{*number} : highest_listed();
}

Result<Number> Numbered::highest_listed() {
  const auto entries = folder().list();
  if (!entries) return failure(entries.error());
  Number highest = 0;
  for (const auto& entry : *entries) {
    for (const auto suffix : {text_suffix, status_suffix}) {
      highest = std::max(highest, number_of(entry.name, suffix).value_or(0));
    }
  }
  return highest;
}

/// Gives the mail the number after `last`, or after those that an interrupted delivery holds. One that has its number
/// keeps it; its status takes its name anew, because a name whose sync failed is not saved by a later sync (FAULTS F4).
Result<> Numbered::reserve(Placed& mail, Number& last) {
  const auto& incoming = mail.mail->mail();
  if (mail.has_number) {
    last = std::max(last, mail.number);
    auto taken = folder().rename(status_name(mail.number), folder(), hidden_status_name(incoming), true);
    if (!taken) return taken;
    return folder().rename(hidden_status_name(incoming), folder(), status_name(mail.number), false);
  }
  while (last < largest_number) {
    const auto taken = take_next(incoming, last + 1);
    if (!taken) return failure(taken.error());
    ++last;
    if (!*taken) continue;
    mail.number = last;
    return {};
  }
  return failure(Error::Kind::exists, folder().path() + ": no number is left");
}

/// False: the number belongs to another.
Result<bool> Numbered::take_next(const IncomingMail& mail, Number number) {
  const auto text = folder().facts(text_name(number));
  if (text) return false;
  if (text.error().kind != Error::Kind::not_found) return failure(text.error());
  const auto moved = folder().rename(hidden_status_name(mail), folder(), status_name(number), false);
  if (moved) return true;
  if (moved.error().kind == Error::Kind::exists) return false;
  return failure(moved.error());
}

/// Written in place, shorter than a sector: the old number or the new one survives a power cut, never a mixture.
Result<> Numbered::remember_last(Number last) {
  auto file = folder().open_file(last_name, true);
  if (!file) return failure(std::move(file).error());
  if (auto put = (*file)->write_at(0, fmt::format("{:020}\n", last)); !put) return put;
  if (auto synced = (*file)->sync_data(); !synced) return synced;
  return (*file)->close();
}

Result<> Numbered::show(Placed& mail) {
  const auto name = text_name(mail.number);
  if (mail.has_number) {
    const auto taken = folder().rename(name, folder(), mail.mail->file_name(), true);
    if (!taken && taken.error().kind != Error::Kind::not_found) return taken;
  }
  auto shown = folder().rename(mail.mail->file_name(), folder(), name, false);
  if (shown) mail.mail->release();
  return shown;
}

}  // namespace

Result<std::unique_ptr<Mailbox>> NumberedFormat::open(const MailboxTarget& target) {
  auto set = folders_.open(target, {});
  if (!set) return failure(std::move(set).error());
  const QuotaSettings quota{folders_.settings().quota, ".quota", folders_.owner_of(target), folders_.rights(target)};
  return std::make_unique<Numbered>(std::move(*set), files_, quota, lock_wait_);
}

}  // namespace posthorn::store
