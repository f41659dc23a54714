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

struct Replacement {
  std::string_view text;
  unsigned mode = 0;
  std::optional<FileOwner> owner;
};

/// Gives the file to its owner, where that is another than whoever made it.
Result<> give(world::File& file, const world::EntryFacts& facts, const std::optional<FileOwner>& owner) {
  if (!owner || (owner->user == facts.user && owner->group == facts.group)) return {};
  return file.set_owner(owner->user, owner->group);
}

Result<> write_whole(world::Folder& folder, const std::string& name, const Replacement& replacement) {
  auto file = folder.create_file(name, replacement.mode);
  if (!file) return failure(std::move(file.error()));
  if (auto written = (*file)->write_at(0, replacement.text); !written) return written;
  const auto facts = folder.facts(name);
  if (!facts) return failure(facts.error());
  if (auto given = give(**file, *facts, replacement.owner); !given) return given;
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

Result<> change_text_file(world::Disk& disk, const std::string& path, const ChangeSettings& settings,
                          const TextChange& change) {
  const auto parted = part(path);
  if (!parted) return failure(parted.error());
  auto folder = disk.open_root(parted->folder);
  if (!folder) return failure(std::move(folder.error()));
  const auto lock = (*folder)->lock("." + parted->name + ".lock", settings.lock_wait);
  if (!lock) return failure(Error{lock.error()}.context("somebody else may be changing " + path));

  const auto facts = (*folder)->facts(parted->name);
  if (!facts && facts.error().kind != Error::Kind::not_found) return failure(facts.error());
  Replacement replacement{.text = {}, .mode = settings.fresh.mode, .owner = settings.fresh.owner};
  std::string old;
  if (facts) {
    auto file = read_once(**folder, parted->name, path, settings.limit);
    if (!file) return failure(std::move(file.error()));
    old = std::move(file->text);
    replacement.mode = facts->mode;
    replacement.owner = FileOwner{facts->user, facts->group};
  }
  const auto text = change(old);
  if (!text) return failure(text.error());
  replacement.text = *text;
  return replace(**folder, parted->name, replacement);
}

}  // namespace posthorn::store
