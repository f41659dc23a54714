#include "store/mailbox_folder.hpp"

#include <fmt/core.h>

#include <array>
#include <ranges>
#include <utility>

namespace posthorn::store {
namespace {

constexpr unsigned writable_by_all = 0002;

Result<> check_facts(world::Folder& folder, const MailboxOwner& owner) {
  const auto facts = folder.facts();
  if (!facts) return failure(facts.error());
  if (facts->user != owner.user) {
    return failure(Error::Kind::not_permitted,
                   fmt::format("{} belongs to account {}, and must belong to {}: change its owner or remove it",
                               folder.path(), facts->user, owner.user));
  }
  if ((facts->mode & writable_by_all) != 0) {
    return failure(
        Error::Kind::not_permitted,
        fmt::format("{} may be written by everybody (mode {:04o}): take that right away", folder.path(), facts->mode));
  }
  return {};
}

}  // namespace

/// What one call of open() has learned and done so far.
struct MailboxFolders::Opening {
  struct Made {
    world::Folder* parent;
    std::string name;
  };

  MailboxOwner owner;
  std::vector<std::unique_ptr<world::Folder>> path;  // from the root on
  std::vector<std::unique_ptr<world::Folder>> folders;
  std::vector<Made> made;

  /// Takes away the empty folders that were made and could not be made durable, so that the next attempt makes them anew:
  /// a name whose sync failed is not saved by a later sync (FAULTS F4).
  void undo() {
    for (const auto& [parent, name] : made | std::views::reverse) static_cast<void>(parent->remove(name, true));
  }
};

PendingRights MailboxFolders::rights(const MailboxTarget& target) const {
  const bool is_ours = !target.owner || *target.owner == settings_.account;
  return {settings_.file_mode, is_ours ? std::nullopt : target.owner};
}

Result<MailboxFolderSet> MailboxFolders::open(const MailboxTarget& target, std::span<const std::string_view> names) {
  const std::array<std::string_view, 1> steps{target.user.text()};
  return open(steps, owner_of(target), names);
}

Result<MailboxFolderSet> MailboxFolders::open(std::span<const std::string_view> steps, MailboxOwner owner,
                                              std::span<const std::string_view> names) {
  Opening opening{.owner = owner, .path = {}, .folders = {}, .made = {}};
  if (auto opened = open_all(opening, steps, names); !opened) {
    opening.undo();
    return failure(std::move(opened).error().context("opening a mailbox"));
  }
  return MailboxFolderSet{std::move(opening.path.back()), std::move(opening.folders)};
}

Result<> MailboxFolders::open_all(Opening& opening, std::span<const std::string_view> steps,
                                  std::span<const std::string_view> names) {
  auto root = disk_.open_root(settings_.root);
  if (!root) return failure(std::move(root).error().context("opening the mail root"));
  opening.path.push_back(std::move(*root));
  for (const auto step : steps) {
    auto folder = open_one(opening, *opening.path.back(), step);
    if (!folder) return failure(std::move(folder).error());
    opening.path.push_back(std::move(*folder));
  }
  for (const auto name : names) {
    auto folder = open_one(opening, *opening.path.back(), name);
    if (!folder) return failure(std::move(folder).error());
    opening.folders.push_back(std::move(*folder));
  }
  return settle(opening);
}

Result<std::unique_ptr<world::Folder>> MailboxFolders::open_one(Opening& opening, world::Folder& parent,
                                                                std::string_view name) {
  auto folder = parent.open_folder(name);
  if (!folder && folder.error().kind == Error::Kind::not_found) folder = make_one(opening, parent, name);
  if (!folder) return folder;
  if (auto right = check_facts(**folder, opening.owner); !right) return failure(right.error());
  return folder;
}

Result<std::unique_ptr<world::Folder>> MailboxFolders::make_one(Opening& opening, world::Folder& parent,
                                                                std::string_view name) {
  auto made = parent.make_folder(name, settings_.folder_mode);
  const bool by_another = !made && made.error().kind == Error::Kind::exists;  // at the same moment
  if (!made && !by_another) return failure(made.error());
  if (!by_another) opening.made.push_back({&parent, std::string(name)});
  auto folder = parent.open_folder(name);
  if (!folder || by_another || opening.owner == settings_.account) return folder;
  if (auto given = (*folder)->set_owner(opening.owner.user, opening.owner.group); !given) return failure(given.error());
  return folder;
}

/// From the innermost folder outwards.
Result<> MailboxFolders::settle(Opening& opening) {
  const auto path = opening.path.back()->path();
  if (opening.made.empty() && is_known(path)) return {};
  for (const auto& folder : opening.path | std::views::reverse) {
    if (auto synced = folder->sync(); !synced) return synced;
  }
  remember(path);
  return {};
}

bool MailboxFolders::is_known(const std::string& path) {
  const std::scoped_lock guard{mutex_};
  return known_.contains(path);
}

void MailboxFolders::remember(const std::string& path) {
  const std::scoped_lock guard{mutex_};
  if (known_.size() >= settings_.known_limit) known_.clear();
  known_.insert(path);
}

}  // namespace posthorn::store
