#include "store/segment_folder.hpp"

#include "base/ascii.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::string_view segment_prefix = "segment-";
constexpr std::string_view unfinished_prefix = "making-";
constexpr int header_tries = 3;
constexpr std::size_t zero_piece = 256U << 10;

std::string unfinished_name(std::uint32_t number) { return fmt::format("{}{:08}", unfinished_prefix, number); }

/// Reads both copies without knowing the block size: the second stands where the first would say, or, if that one is
/// damaged, on any power of two.
Result<SegmentHeader> read_header(world::File& file) {
  std::string start(2 * std::size_t{largest_block}, '\0');
  // A segment whose header cannot be read is left out until the next start: not for an error that passes.
  auto size = file.read_at(0, start);
  for (int i = 1; i < header_tries && !size; ++i) size = file.read_at(0, start);
  if (!size) return failure(size.error());
  const auto octets = std::string_view(start).substr(0, *size);
  auto best = decode_segment_header(octets.substr(0, segment_header_octets));
  for (std::size_t block = smallest_block; block <= largest_block && block < octets.size(); block *= 2) {
    auto copy = decode_segment_header(octets.substr(block, segment_header_octets));
    if (!copy || copy->block != block) continue;
    if (!best || copy->generation > best->generation) best = std::move(copy);
  }
  return best;
}

}  // namespace

std::string encode_segment_start(const SegmentHeader& header) {
  auto block = encode_segment_header(header);
  block.resize(header.block, '\0');
  return block + block;
}

std::string SegmentFolder::name_of(std::uint32_t number) { return fmt::format("{}{:08}", segment_prefix, number); }

std::optional<std::uint32_t> SegmentFolder::number_of(std::string_view name) {
  if (!name.starts_with(segment_prefix)) return std::nullopt;
  const auto number = ascii::to_number(name.substr(segment_prefix.size()));
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  const auto narrow = static_cast<std::uint32_t>(*number);
  return name == name_of(narrow) ? std::optional{narrow} : std::nullopt;
}

Result<FoundFiles> SegmentFolder::find() {
  auto names = folder_.list();
  if (!names) return failure(std::move(names).error());
  std::ranges::sort(*names, {}, &world::Entry::name);
  FoundFiles found;
  for (auto& entry : *names) {
    const auto number = number_of(entry.name);
    if (number && entry.type == world::EntryType::file) {
      found.segments.push_back(look_at(*number, entry.name));
    } else if (entry.name.starts_with(unfinished_prefix) && entry.type == world::EntryType::file) {
      found.unfinished.push_back(std::move(entry.name));
    } else {
      found.foreign.push_back(std::move(entry.name));
    }
  }
  return found;
}

FoundSegment SegmentFolder::look_at(std::uint32_t number, const std::string& name) {
  auto file = folder_.open_file(name, false);
  if (!file) return {number, 0, failure(std::move(file).error())};
  const auto size = (*file)->size();
  if (!size) return {number, 0, failure(size.error())};
  return {number, *size, read_header(**file)};
}

Result<std::shared_ptr<world::File>> SegmentFolder::open(std::uint32_t number) {
  const std::lock_guard lock{mutex_};
  if (const auto found = open_.find(number); found != open_.end()) return found->second;
  auto file = folder_.open_file(name_of(number), access_ == Access::write);
  if (!file) return failure(std::move(file).error());
  const std::shared_ptr<world::File> shared = *std::move(file);
  open_.emplace(number, shared);
  opened_.push_back(number);
  if (opened_.size() > open_limit) {
    open_.erase(opened_.front());
    opened_.pop_front();
  }
  return shared;
}

void SegmentFolder::forget(std::uint32_t number) {
  const std::lock_guard lock{mutex_};
  open_.erase(number);
  std::erase(opened_, number);
}

Result<> SegmentFolder::make(const SegmentHeader& empty) {
  const auto name = unfinished_name(empty.number);
  auto made = write_whole(name, empty);
  if (made) made = folder_.rename(name, folder_, name_of(empty.number), false);
  if (!made) {
    (void)folder_.remove(name);  // what stays is removed at the next start
    return made;
  }
  made = folder_.sync();
  if (!made) (void)folder_.remove(name_of(empty.number));
  return made;
}

Result<> SegmentFolder::write_whole(std::string_view name, const SegmentHeader& empty) {
  if (auto old = folder_.remove(name); !old && old.error().kind != Error::Kind::not_found) return old;
  auto file = folder_.create_file(name, 0600);
  if (!file) return failure(std::move(file).error());
  const auto start = encode_segment_start(empty);
  if (auto written = (*file)->write_at(0, start); !written) return written;
  const std::string zeros(std::min<std::size_t>(zero_piece, empty.octets - start.size()), '\0');
  for (std::uint64_t at = start.size(); at < empty.octets; at += zeros.size()) {
    const auto piece = std::string_view(zeros).substr(0, static_cast<std::size_t>(empty.octets - at));
    if (auto written = (*file)->write_at(at, piece); !written) return written;
  }
  if (auto synced = (*file)->sync_data(); !synced) return synced;
  return (*file)->close();
}

Result<> SegmentFolder::write_header(const SegmentHeader& header) {
  auto file = open(header.number);
  if (!file) return failure(std::move(file).error());
  if (auto written = (*file)->write_at(0, encode_segment_start(header)); !written) return written;
  return (*file)->sync_data();
}

Result<> SegmentFolder::remove(std::uint32_t number) {
  forget(number);
  const auto removed = folder_.remove(name_of(number));
  if (!removed && removed.error().kind != Error::Kind::not_found) return removed;
  return folder_.sync();
}

Result<> SegmentFolder::remove_unfinished(std::string_view name) { return folder_.remove(name); }

}  // namespace posthorn::store
