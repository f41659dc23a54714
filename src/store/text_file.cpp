#include "store/text_file.hpp"

#include <fmt/core.h>

#include <memory>
#include <optional>
#include <utility>

namespace posthorn::store {
namespace {

constexpr int attempts = 3;

struct Parted {
  std::string folder;
  std::string name;
};

Result<Parted> part(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return Parted{".", path};
  if (slash + 1 == path.size()) return failure(Error::Kind::invalid, path + " names no file");
  return Parted{slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

FileMark mark_from(const std::string& path, const world::EntryFacts& facts) {
  return {path, true, facts.inode, facts.size, facts.modified_ns};
}

Result<std::string> read_all(world::File& file, std::uint64_t size) {
  std::string text(size, '\0');
  auto octets = file.read_at(0, text);
  if (!octets) return failure(std::move(octets.error()));
  text.resize(*octets);
  return text;
}

Result<TextFile> read_once(world::Folder& folder, const std::string& name, const std::string& path,
                           std::uint64_t limit) {
  auto facts = folder.facts(name);
  if (!facts) return failure(std::move(facts.error()));
  if (facts->size > limit)
    return failure(Error::Kind::invalid, fmt::format("{} is larger than {} octets", path, limit));
  auto file = folder.open_file(name, false);
  if (!file) return failure(std::move(file.error()));
  auto text = read_all(**file, facts->size);
  if (!text) return failure(std::move(text.error()));
  return TextFile{std::move(*text), mark_from(path, *facts), facts->mode};
}

/// Keeps the rights of the file that is replaced.
Result<> keep_owner(world::File& file, const world::EntryFacts& old, const world::EntryFacts& fresh) {
  if (old.user == fresh.user && old.group == fresh.group) return {};
  return file.set_owner(old.user, old.group);
}

struct Replacement {
  std::string_view text;
  std::optional<world::EntryFacts> old;
  unsigned mode = 0;
};

Result<> write_whole(world::Folder& folder, const std::string& name, const Replacement& replacement) {
  auto file = folder.create_file(name, replacement.mode);
  if (!file) return failure(std::move(file.error()));
  if (auto written = (*file)->write_at(0, replacement.text); !written) return written;
  if (replacement.old) {
    const auto fresh = folder.facts(name);
    if (!fresh) return failure(fresh.error());
    if (auto kept = keep_owner(**file, *replacement.old, *fresh); !kept) return kept;
  }
  if (auto synced = (*file)->sync_data(); !synced) return synced;
  return (*file)->close();
}

Result<> replace(world::Folder& folder, const std::string& name, const Replacement& replacement) {
  const auto draft = "." + name + ".new";
  auto removed = folder.remove(draft);  // of one who was killed
  if (!removed && removed.error().kind != Error::Kind::not_found) return removed;
  auto replaced = write_whole(folder, draft, replacement);
  if (replaced) replaced = folder.rename(draft, folder, name, true);
  if (!replaced) {
    static_cast<void>(folder.remove(draft));
    return replaced;
  }
  return folder.sync();
}

}  // namespace

Result<TextFile> read_text_file(world::Disk& disk, const std::string& path, std::uint64_t limit) {
  const auto parted = part(path);
  if (!parted) return failure(parted.error());
  auto folder = disk.open_root(parted->folder);
  if (!folder) return failure(std::move(folder.error()));
  auto file = read_once(**folder, parted->name, path, limit);
  // Somebody may be writing it in place: what was read is whole only if nothing changed meanwhile.
  for (int i = 1; i < attempts && file && mark_of(disk, path) != file->mark; ++i) {
    file = read_once(**folder, parted->name, path, limit);
  }
  return file;
}

FileMark mark_of(world::Disk& disk, const std::string& path) {
  const auto parted = part(path);
  if (!parted) return {.path = path};
  const auto folder = disk.open_root(parted->folder);
  if (!folder) return {.path = path};
  const auto facts = (*folder)->facts(parted->name);
  return facts ? mark_from(path, *facts) : FileMark{.path = path};
}

Result<> change_text_file(world::Disk& disk, const std::string& path, const NewFile& fresh, const TextChange& change) {
  const auto parted = part(path);
  if (!parted) return failure(parted.error());
  auto folder = disk.open_root(parted->folder);
  if (!folder) return failure(std::move(folder.error()));
  const auto lock = (*folder)->lock("." + parted->name + ".lock");
  if (!lock) return failure(Error{lock.error()}.context("somebody else may be changing " + path));

  auto old = read_once(**folder, parted->name, path, fresh.limit);
  const bool is_new = !old && old.error().kind == Error::Kind::not_found;
  if (!old && !is_new) return failure(std::move(old.error()));
  const auto text = change(is_new ? std::string_view{} : std::string_view(old->text));
  if (!text) return failure(text.error());

  Replacement replacement{.text = *text, .old = std::nullopt, .mode = is_new ? fresh.mode : old->mode};
  if (!is_new) {
    const auto facts = (*folder)->facts(parted->name);
    if (!facts) return failure(facts.error());
    replacement.old = *facts;
  }
  return replace(**folder, parted->name, replacement);
}

}  // namespace posthorn::store
