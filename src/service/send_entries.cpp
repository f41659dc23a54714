#include "service/send_entries.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::service {
namespace {

constexpr unsigned folder_mode = 0700;
constexpr unsigned file_mode = 0600;
constexpr std::size_t id_octets = 8;
constexpr std::size_t largest_entry = 4U << 20;
constexpr int id_tries = 8;
constexpr auto stray_age = std::chrono::days{1};
constexpr std::array<std::string_view, 4> parts{".new", ".eml", ".lock", ".cancel"};

std::string random_id(world::Random& random) {
  constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyz23456789";  // no letter that looks like a digit
  std::string id;
  while (id.size() < id_octets) id += alphabet[random.below(alphabet.size())];
  return id;
}

Result<> write_whole(world::File& file, std::string_view text, std::uint64_t& offset) {
  auto written = file.write_at(offset, text);
  if (written) offset += text.size();
  return written;
}

Result<> finish(world::File& file, Result<> written) {
  if (written) written = file.sync_data();
  auto closed = file.close();
  return written ? closed : written;
}

}  // namespace

Result<SendEntries> SendEntries::open(world::Disk& disk, const std::string& path) {
  auto folder = disk.make_root(path, folder_mode);
  if (!folder) return failure(std::move(folder.error()));
  return SendEntries{std::move(*folder)};
}

Result<> SendEntries::add(SendEntry& entry, LetterReader& text, world::Random& random) {
  for (int tries = 0; entry.id.empty() || has(entry.id + ".json") || has(entry.id + ".log"); ++tries) {
    if (tries == id_tries) return failure(Error::Kind::exists, folder_->path() + ": no free name");
    entry.id = random_id(random);
  }
  auto done = write_file(entry.id + ".eml", text);
  if (done) done = update(entry);
  if (!done) static_cast<void>(remove(entry.id));
  return done;
}

Result<> SendEntries::update(const SendEntry& entry) {
  const auto fresh = entry.id + ".new";
  auto done = remove_if_there(fresh);
  if (done) done = write_file(fresh, written(entry));
  if (done) done = folder_->rename(fresh, *folder_, entry.id + ".json", true);
  if (done) done = folder_->sync();
  if (!done) static_cast<void>(remove_if_there(fresh));
  return done;
}

Result<> SendEntries::write_file(const std::string& name, LetterReader& text) {
  auto file = folder_->create_file(name, file_mode);
  if (!file) return failure(std::move(file.error()));
  std::uint64_t offset = 0;
  Result<> written;
  while (written) {
    const auto piece = text.next();
    if (!piece) return failure(piece.error());
    if (piece->empty()) break;
    written = write_whole(**file, *piece, offset);
  }
  text.rewind();
  return finish(**file, std::move(written));
}

Result<> SendEntries::write_file(const std::string& name, std::string_view text) {
  auto file = folder_->create_file(name, file_mode);
  if (!file) return failure(std::move(file.error()));
  std::uint64_t offset = 0;
  auto written = write_whole(**file, text, offset);
  return finish(**file, std::move(written));
}

Result<SendEntry> SendEntries::read(const std::string& id) {
  const auto name = id + ".json";
  auto file = folder_->open_file(name, false);
  if (!file) return failure(std::move(file.error()));
  const auto size = (*file)->size();
  if (!size) return failure(size.error());
  const auto where = folder_->path() + "/" + name;
  if (*size > largest_entry) return failure(Error::Kind::corrupt, where + ": it is too large");
  std::string text(*size, '\0');
  const auto count = (*file)->read_at(0, text);
  if (!count) return failure(count.error());
  text.resize(*count);
  auto entry = parse_send_entry(text);
  if (!entry) return failure(std::move(entry.error()).context(where));
  if (entry->id != id) return failure(Error::Kind::corrupt, where + ": it is of another entry");
  return entry;
}

Result<std::unique_ptr<world::File>> SendEntries::open_text(const std::string& id) {
  return folder_->open_file(id + ".eml", false);
}

Result<> SendEntries::remove(const std::string& id) { return remove_parts(id, parts); }

Result<> SendEntries::remove_as_asked(const std::string& id) {
  static_assert(parts.back() == ".cancel");
  return remove_parts(id, std::span{parts}.first<parts.size() - 1>());
}

/// The name that makes it an entry goes first.
Result<> SendEntries::remove_parts(const std::string& id, std::span<const std::string_view> endings) {
  auto done = remove_if_there(id + ".json");
  for (const auto ending : endings) {
    auto removed = remove_if_there(id + std::string(ending));
    if (done) done = std::move(removed);
  }
  auto synced = folder_->sync();
  return done ? synced : done;
}

Result<std::vector<std::string>> SendEntries::ids() {
  auto entries = folder_->list();
  if (!entries) return failure(std::move(entries.error()));
  std::vector<std::string> ids;
  for (const auto& entry : *entries) {
    const std::string_view name = entry.name;
    if (!name.ends_with(".json") || !SendEntry::is_id(name.substr(0, name.size() - 5))) continue;
    ids.emplace_back(name.substr(0, name.size() - 5));
  }
  std::ranges::sort(ids);
  return ids;
}

Result<std::unique_ptr<world::FileLock>> SendEntries::lock(const std::string& id, Duration wait) {
  return folder_->lock(id + ".lock", wait);
}

Result<> SendEntries::ask_to_cancel(const std::string& id) {
  if (is_cancelled(id)) return {};
  auto asked = write_file(id + ".cancel", "");
  if (!asked && asked.error().kind == Error::Kind::exists) return {};
  return asked;
}

bool SendEntries::is_cancelled(const std::string& id) { return has(id + ".cancel"); }

/// Part of an entry that is not there.
bool SendEntries::is_stray(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || !SendEntry::is_id(name.substr(0, dot))) return false;
  return std::ranges::find(parts, name.substr(dot)) != parts.end() && !has(std::string(name.substr(0, dot)) + ".json");
}

Result<> SendEntries::prune(std::size_t kept_logs, WallTime now) {
  auto entries = folder_->list();
  if (!entries) return failure(std::move(entries.error()));
  std::vector<std::pair<std::int64_t, std::string>> finished;
  for (const auto& entry : *entries) {
    const std::string_view name = entry.name;
    if (is_stray(name)) {
      const auto facts = folder_->facts(name);
      const bool is_old = facts && WallTime{std::chrono::microseconds{facts->modified_ns / 1'000}} + stray_age < now;
      if (auto removed = is_old ? remove_if_there(entry.name) : Result<>{}; !removed) return removed;
    }
    if (!name.ends_with(".log") || has(std::string(name.substr(0, name.size() - 4)) + ".json")) continue;
    if (const auto facts = folder_->facts(name)) finished.emplace_back(facts->modified_ns, entry.name);
  }
  if (finished.size() <= kept_logs) return {};
  std::ranges::sort(finished);
  finished.resize(finished.size() - kept_logs);
  for (const auto& [time, name] : finished) {
    if (auto removed = remove_if_there(name); !removed) return removed;
  }
  return {};
}

bool SendEntries::has(const std::string& name) { return folder_->facts(name).has_value(); }

Result<> SendEntries::remove_if_there(const std::string& name) {
  auto removed = folder_->remove(name);
  if (!removed && removed.error().kind == Error::Kind::not_found) return {};
  return removed;
}

}  // namespace posthorn::service
