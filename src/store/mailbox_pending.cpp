#include "store/mailbox_pending.hpp"

#include "base/assert.hpp"
#include "base/planted_fault.hpp"

#include <utility>

namespace posthorn::store {
namespace {

constexpr std::size_t buffer_limit = 64U << 10;

Result<std::unique_ptr<world::File>> create_anew(world::Folder& folder, const std::string& name, unsigned mode) {
  auto made = folder.create_file(name, mode);
  if (made || made.error().kind != Error::Kind::exists) return made;
  if (auto removed = folder.remove(name); !removed) return failure(removed.error());
  return folder.create_file(name, mode);
}

}  // namespace

Result<std::unique_ptr<PendingFile>> PendingFile::create(PendingPlace place, IncomingMail mail) {
  auto file = create_anew(place.folder, place.name, place.rights.mode);
  if (!file) return failure(std::move(file).error().context("making a mail file"));
  auto pending = std::make_unique<PendingFile>(Created{}, std::move(place), std::move(mail), std::move(*file));
  if (const auto& owner = pending->place_.rights.owner) {
    auto given = pending->file_->set_owner(owner->user, owner->group);
    if (!given) return failure(std::move(given).error().context("giving a mail file to its owner"));
  }
  return pending;
}

PendingFile::PendingFile(Created /*key*/, PendingPlace place, IncomingMail mail, std::unique_ptr<world::File> file)
    : place_(std::move(place)), mail_(std::move(mail)), file_(std::move(file)) {
  LineEndConverter{}.feed(mail_.head, buffer_);
}

PendingFile::~PendingFile() {
  // If that fails too, the file stays behind where no reader looks; the next attempt removes it.
  if (!released_) static_cast<void>(place_.folder.remove(place_.name));
}

Result<> PendingFile::append(std::string_view bytes) {
  ensure(file_ != nullptr, "nothing is appended to a finished mail");
  const bool is_mbox = place_.form == MailForm::mbox;
  text_.feed(bytes, is_mbox ? plain_ : buffer_);
  if (is_mbox) quote_plain();
  return buffer_.size() < buffer_limit ? Result<>{} : flush();
}

void PendingFile::quote_plain() {
  quoter_.feed(plain_, buffer_);
  plain_.clear();
}

Result<> PendingFile::flush() {
  if (buffer_.empty()) return {};
  auto put = file_->write_at(written_, buffer_);
  if (!put) return failure(std::move(put).error().context("writing a mail file"));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<> PendingFile::finish() {
  ensure(file_ != nullptr, "a mail is finished once");
  const bool is_mbox = place_.form == MailForm::mbox;
  text_.finish(is_mbox ? plain_ : buffer_);
  if (is_mbox) {
    quote_plain();
    quoter_.finish(buffer_);
  }
  auto flushed = flush();
  const auto file = std::exchange(file_, nullptr);
  if (!flushed) return flushed;
  if (planted(PlantedFault::local_file_sync_left_out)) return file->close();
  if (auto synced = file->sync_data(); !synced)
    return failure(std::move(synced).error().context("syncing a mail file"));
  if (auto closed = file->close(); !closed) return failure(std::move(closed).error().context("closing a mail file"));
  return {};
}

std::vector<PendingFile*> as_files(std::span<PendingMail* const> mails) {
  std::vector<PendingFile*> files;
  for (auto* const mail : mails) {
    files.push_back(dynamic_cast<PendingFile*>(mail));
    ensure(files.back() != nullptr, "a mailbox publishes what it staged");
  }
  return files;
}

}  // namespace posthorn::store
