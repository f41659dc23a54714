#include "store/users_folder.hpp"

#include <utility>

namespace posthorn::store {
namespace {

constexpr unsigned folder_mode = 0700;
constexpr unsigned root_account = 0;

bool is_unfinished(const world::EntryFacts& facts) {
  return facts.type == world::EntryType::folder && facts.user == root_account && (facts.mode & 0777U) == folder_mode;
}

/// Through the open folder, so that it is the one that was looked at.
Result<> give_away(world::Folder& root, const std::string& name, MailboxOwner owner) {
  const auto folder = root.open_folder(name);
  if (!folder) return failure(folder.error());
  const auto facts = (*folder)->facts();
  if (!facts) return failure(facts.error());
  const auto entries = (*folder)->list();
  if (!entries) return failure(entries.error());
  if (!is_unfinished(*facts) || !entries->empty()) return {};
  if (auto given = (*folder)->set_owner(owner.user, owner.group); !given) return given;
  if (auto synced = (*folder)->sync(); !synced) return synced;
  return root.sync();
}

}  // namespace

Result<> make_users_folder(world::Folder& root, const mail::UserName& user, MailboxOwner owner) {
  const auto& name = user.text();
  const auto facts = root.facts(name);
  if (facts && (!is_unfinished(*facts) || owner.user == root_account)) return {};
  if (!facts && facts.error().kind != Error::Kind::not_found) return failure(facts.error());
  if (!facts) {
    auto made = root.make_folder(name, folder_mode);
    if (!made && made.error().kind != Error::Kind::exists) return made;
  }
  return give_away(root, name, owner);
}

}  // namespace posthorn::store
