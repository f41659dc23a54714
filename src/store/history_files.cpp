#include "store/history_files.hpp"

#include "base/ascii.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::string_view ending = ".lines";
constexpr std::uint64_t part_of_disk = 16;
constexpr std::uint64_t free_part_of_disk = 10;

std::string name_of(std::uint64_t number) { return fmt::format("{:010}{}", number, ending); }

std::optional<std::uint64_t> number_of(std::string_view name) {
  if (!name.ends_with(ending)) return std::nullopt;
  return ascii::to_number(name.substr(0, name.size() - ending.size()));
}

WallTime modified(const world::EntryFacts& facts) {
  return WallTime{std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds{facts.modified_ns})};
}

/// Takes whole lines from `text`, keeps those with the key, and leaves the unfinished rest.
void take_lines(std::string& text, std::string_view key, std::vector<std::string>& found) {
  std::string_view rest = text;
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const auto line = rest.substr(0, end);
    const bool is_it = line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ';
    if (is_it) found.emplace_back(line.substr(key.size() + 1));
    rest.remove_prefix(end + 1);
  }
  text.erase(0, text.size() - rest.size());
}

}  // namespace

void HistoryFiles::keep_for(Duration keep) {
  const std::lock_guard lock{mutex_};
  settings_.keep = keep;
}

Result<> HistoryFiles::append(std::string_view lines, WallTime now) {
  const std::lock_guard lock{mutex_};
  if (auto opened = open(); !opened) return opened;
  if (auto room = make_room(now, lines.size()); !room) return room;
  if (!file_ || written_ >= settings_.file_octets) {
    if (auto begun = begin_file(); !begun) return begun;
  }
  auto done = file_->write_at(written_, lines);
  if (!done) {
    // What of it is there nobody knows: the next lines go to another file.
    file_.reset();
    return failure(std::move(done.error()).context("write the history"));
  }
  auto& known = known_.rbegin()->second;
  written_ += lines.size();
  known.octets += lines.size();
  known.last = now;
  total_ += lines.size();
  return {};
}

Result<> HistoryFiles::open() {
  if (folder_) return {};
  auto folder = disk_.make_root(settings_.folder, 0700);
  if (!folder) return failure(std::move(folder.error()).context("the folder of the history"));
  auto entries = (*folder)->list();
  if (!entries) return failure(std::move(entries.error()));
  for (const auto& entry : *entries) {
    const auto number = number_of(entry.name);
    if (!number) continue;
    const auto facts = (*folder)->facts(entry.name);
    if (!facts || facts->type != world::EntryType::file) continue;
    known_[*number] = {facts->size, modified(*facts)};
    total_ += facts->size;
    next_number_ = std::max(next_number_, *number + 1);
  }
  folder_ = std::move(*folder);
  return {};
}

Result<> HistoryFiles::make_room(WallTime now, std::uint64_t octets) {
  const auto space = folder_->free_space();
  if (!space) return failure(space.error());
  const auto most = std::min(settings_.total_octets, space->total_octets / part_of_disk);
  const auto is_old = [&](const Known& file) { return now - file.last > settings_.keep; };
  while (!known_.empty() && (total_ + octets > most || is_old(known_.begin()->second))) {
    if (auto removed = remove_oldest(); !removed) return removed;
  }
  const auto needed = std::min(settings_.free_octets, space->total_octets / free_part_of_disk);
  if (space->octets < needed) return failure(Error::Kind::no_space, "the disk is too full to keep the history");
  return {};
}

Result<> HistoryFiles::remove_oldest() {
  const auto oldest = known_.begin();
  if (oldest == std::prev(known_.end())) file_.reset();
  auto removed = folder_->remove(name_of(oldest->first));
  if (!removed && removed.error().kind != Error::Kind::not_found) return removed;
  total_ -= oldest->second.octets;
  known_.erase(oldest);
  return {};
}

Result<> HistoryFiles::begin_file() {
  const auto number = next_number_++;
  auto file = folder_->create_file(name_of(number), 0600);
  if (!file) return failure(std::move(file.error()).context("begin a file of the history"));
  file_ = std::move(*file);
  written_ = 0;
  known_[number] = {};
  return {};
}

Result<std::vector<std::string>> HistoryFiles::lines_of(std::string_view key, std::size_t most) {
  const std::lock_guard lock{mutex_};
  if (auto opened = open(); !opened) return failure(std::move(opened.error()));
  std::vector<std::string> found;
  for (const auto& [number, known] : known_) {
    if (auto read = find_lines(number, key, found); !read) return failure(std::move(read.error()));
    if (found.size() > most) found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(most));
  }
  return found;
}

Result<> HistoryFiles::find_lines(std::uint64_t number, std::string_view key, std::vector<std::string>& found) {
  const auto file = folder_->open_file(name_of(number), false);
  if (!file) return file.error().kind == Error::Kind::not_found ? Result<>{} : failure(file.error());
  std::string text;
  for (std::uint64_t offset = 0;;) {
    const auto before = text.size();
    text.resize(before + settings_.read_octets);
    const auto count = (*file)->read_at(offset, std::span{text}.subspan(before));
    if (!count) return failure(count.error());
    text.resize(before + *count);
    offset += *count;
    take_lines(text, key, found);
    if (text.size() > settings_.line_octets) text.clear();
    if (*count < settings_.read_octets) return {};
  }
}

}  // namespace posthorn::store
