#include "store/mbox_redo.hpp"

#include "base/ascii.hpp"
#include "base/crc32c.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_set>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::string_view prefix = ".adding.";
constexpr std::size_t piece_octets = 64U << 10;
constexpr std::uint64_t checked_octets = 512;  // before a batch
constexpr std::size_t longest_first_lines = 2048;

std::optional<std::uint32_t> to_check(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (fault != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::string file_name(std::uint64_t offset, std::uint32_t check, std::string_view name) {
  return fmt::format("{}{}.{:08x}.{}", prefix, offset, check, name);
}

/// The mail's own, of such a name.
std::string_view mail_name(std::string_view file) {
  for (int part = 0; part < 2; ++part) file.remove_prefix(file.find('.', part == 0 ? prefix.size() : 0) + 1);
  return file;
}

Result<std::string> read_piece(world::File& file, std::uint64_t offset, std::size_t octets) {
  std::string piece(octets, '\0');
  const auto count = file.read_at(offset, piece);
  if (!count) return failure(count.error());
  piece.resize(*count);
  return piece;
}

}  // namespace

Result<std::vector<MboxRedo::Waiting>> MboxRedo::waiting() {
  const auto entries = folder_.list();
  if (!entries) return failure(entries.error());
  std::vector<Waiting> found;
  for (const auto& entry : *entries) {
    std::string_view rest = entry.name;
    if (entry.type != world::EntryType::file || !rest.starts_with(prefix)) continue;
    rest.remove_prefix(prefix.size());
    const auto offset = ascii::to_number(rest.substr(0, rest.find('.')));
    rest.remove_prefix(std::min(rest.find('.'), rest.size() - 1) + 1);
    const auto check = to_check(rest.substr(0, rest.find('.')));
    if (offset && check) found.push_back({*offset, *check, entry.name});
  }
  std::ranges::sort(found, {}, &Waiting::offset);
  return found;
}

/// A power cut may leave a file under the name that it was given anew and under the one before: then nothing was added yet.
Result<> MboxRedo::keep_one_name(std::vector<Waiting>& mails) {
  std::unordered_set<std::string> names;
  std::vector<Waiting> kept;
  for (auto& mail : mails) {
    if (names.emplace(mail_name(mail.file)).second) {
      kept.push_back(std::move(mail));
    } else if (auto removed = folder_.remove(mail.file); !removed) {
      return removed;
    }
  }
  mails = std::move(kept);
  return {};
}

Result<> MboxRedo::finish_earlier() {
  auto left = waiting();
  if (!left) return failure(left.error());
  if (left->empty()) return {};
  if (auto sorted = keep_one_name(*left); !sorted) return sorted;
  const auto check = check_before(left->front().offset);
  if (!check) return failure(check.error());
  const auto size = mbox_.size();
  const auto end = end_of(left->back());
  if (!size || !end) return failure(size ? end.error() : size.error());
  const Earlier earlier{.is_as_it_was = *check == left->front().check, .has_more_behind = *size > *end};
  for (auto& mail : *left) {
    if (auto done = make_whole(mail, earlier); !done) return done;
  }
  return keep(*left);
}

/// Where it was to end.
Result<std::uint64_t> MboxRedo::end_of(const Waiting& mail) {
  const auto text = folder_.open_file(mail.file, false);
  if (!text) return failure(text.error());
  const auto length = (*text)->size();
  if (!length) return failure(length.error());
  return mail.offset + *length;
}

/// Where nobody has rewritten the mbox, what stands there is the mail, its beginning, or what a power cut made of it.
/// Otherwise it is added at the end, unless it is in there.
Result<> MboxRedo::make_whole(Waiting& mail, const Earlier& earlier) {
  const auto text = folder_.open_file(mail.file, false);
  if (!text) return failure(text.error());
  const auto size = mbox_.size();
  if (!size) return failure(size.error());
  if (earlier.is_as_it_was && mail.offset <= *size) {
    const auto there = has(mail.offset, **text);
    if (!there) return failure(there.error());
    // Something else, with more behind all of them: they were whole once, and a reader has marked them since.
    if (!*there && earlier.has_more_behind) return {};
    return put(mail.offset, **text);  // the same octets, too: a sync that failed may have lost them (FAULTS F4)
  }
  const auto lines = first_lines(mail.file);
  if (!lines) return failure(lines.error());
  const auto found = contains(*lines);
  if (!found) return failure(found.error());
  if (*found) return {};
  if (auto moved = promise_at_end(mail); !moved) return moved;
  return put(mail.offset, **text);
}

/// The mail's file says from now on that it goes to the end.
Result<> MboxRedo::promise_at_end(Waiting& mail) {
  if (auto ended = end_last_line(); !ended) return ended;
  const auto end = mbox_.size();
  if (!end) return failure(end.error());
  const auto check = check_before(*end);
  if (!check) return failure(check.error());
  Waiting next{*end, *check, file_name(*end, *check, mail_name(mail.file))};
  if (auto moved = folder_.rename(mail.file, folder_, next.file, true); !moved) return moved;
  mail = std::move(next);
  return folder_.sync();
}

Result<std::uint32_t> MboxRedo::check_before(std::uint64_t offset) {
  const auto octets = std::min(offset, checked_octets);
  const auto before = read_piece(mbox_, offset - octets, octets);
  if (!before) return failure(before.error());
  return crc32c(*before);
}

Result<bool> MboxRedo::has(std::uint64_t offset, world::File& text) {
  for (std::uint64_t at = 0;;) {
    const auto wanted = read_piece(text, at, piece_octets);
    if (!wanted) return failure(wanted.error());
    if (wanted->empty()) return true;
    const auto there = read_piece(mbox_, offset + at, wanted->size());
    if (!there) return failure(there.error());
    if (*there != *wanted) return false;
    at += wanted->size();
  }
}

Result<> MboxRedo::put(std::uint64_t offset, world::File& text) {
  for (std::uint64_t at = 0;;) {
    const auto piece = read_piece(text, at, piece_octets);
    if (!piece) return failure(piece.error());
    if (piece->empty()) return {};
    if (auto written = mbox_.write_at(offset + at, std::string_view(*piece)); !written) return written;
    at += piece->size();
  }
}

/// Somebody else's last mail may lack the empty line behind it. Durable, because what follows is known by what is before it.
Result<> MboxRedo::end_last_line() {
  const auto size = mbox_.size();
  if (!size) return failure(size.error());
  const auto octets = std::min<std::uint64_t>(*size, 2);
  const auto end = read_piece(mbox_, *size - octets, octets);
  if (!end) return failure(end.error());
  if (end->empty() || end->ends_with("\n\n")) return {};
  auto put = mbox_.write_at(*size, std::string_view(end->ends_with('\n') ? "\n" : "\n\n"));
  return put ? mbox_.sync_data() : put;
}

Result<> MboxRedo::add(std::span<PendingFile* const> mails) {
  if (mails.empty()) return {};
  if (auto ended = end_last_line(); !ended) return ended;
  const auto size = mbox_.size();
  if (!size) return failure(size.error());
  std::vector<Waiting> promised;
  auto done = promise(mails, *size, promised);
  for (std::size_t i = 0; done && i < promised.size(); ++i) {
    const auto text = folder_.open_file(promised[i].file, false);
    done = text ? put(promised[i].offset, **text) : Result<>{failure(text.error())};
  }
  if (done) done = keep(promised);
  if (!done) take_back(promised, *size);
  return done;
}

/// From here on a crash brings them into the mbox.
Result<> MboxRedo::promise(std::span<PendingFile* const> mails, std::uint64_t offset, std::vector<Waiting>& promised) {
  const auto check = check_before(offset);
  if (!check) return failure(check.error());
  for (auto* mail : mails) {
    Waiting next{offset, *check, file_name(offset, *check, mail->mail().name)};
    if (auto moved = folder_.rename(mail->file_name(), folder_, next.file, true); !moved) return moved;
    mail->release();
    promised.push_back(std::move(next));
    offset += mail->octets();
  }
  return folder_.sync();
}

/// They stand in the mbox, durably; then their files go, durably too: what is found of them later is of a crash.
Result<> MboxRedo::keep(const std::vector<Waiting>& promised) {
  if (auto synced = mbox_.sync_data(); !synced) return synced;
  for (const auto& mail : promised) {
    if (auto removed = folder_.remove(mail.file); !removed) return removed;
  }
  return folder_.sync();
}

/// First the octets, durably, then the promise; if that does not work it stays, and the mail comes later.
void MboxRedo::take_back(const std::vector<Waiting>& promised, std::uint64_t size) {
  if (!mbox_.truncate(size) || !mbox_.sync_data()) return;
  for (const auto& mail : promised) static_cast<void>(folder_.remove(mail.file));
}

Result<bool> MboxRedo::holds(const PendingFile& mail) {
  const auto lines = first_lines(mail.file_name());
  return lines ? contains(*lines) : failure(lines.error());
}

/// From its "From " line on, as far as no reader adds fields: trace fields with our id are among them.
Result<std::string> MboxRedo::first_lines(const std::string& file) {
  const auto text = folder_.open_file(file, false);
  if (!text) return failure(text.error());
  auto lines = read_piece(**text, 0, longest_first_lines);
  if (!lines) return lines;
  const auto header_end = lines->find("\n\n");
  const auto end = header_end == std::string::npos ? lines->rfind('\n') : header_end;
  if (end != std::string::npos) lines->resize(end + 1);
  return lines;
}

Result<bool> MboxRedo::contains(std::string_view lines) {
  const auto behind = "\n" + std::string(lines);
  std::string window = "\n";  // the first mail begins a line as well
  for (std::uint64_t at = 0;;) {
    const auto piece = read_piece(mbox_, at, piece_octets);
    if (!piece) return failure(piece.error());
    if (piece->empty()) return false;
    window += *piece;
    if (window.find(behind) != std::string::npos) return true;
    at += piece->size();
    if (window.size() >= behind.size()) window.erase(0, window.size() - behind.size() + 1);
  }
}

}  // namespace posthorn::store
