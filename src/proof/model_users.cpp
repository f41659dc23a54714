#include "proof/model_users.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::proof {

/// "/mail/alice/new/NAME" or "/mail/alice/cur/NAME:2,S"
std::vector<ModelUsers::Mail> ModelUsers::all_mail() const {
  std::vector<Mail> mails;
  for (auto& path : disk_.tree(root_)) {
    const auto name_at = path.rfind('/') + 1;
    if (name_at == path.size()) continue;
    const auto folder = std::string_view(path).substr(0, name_at - 1);
    const bool is_new = folder.ends_with("/new");
    if (!is_new && !folder.ends_with("/cur")) continue;
    const auto user_octets = folder.size() - root_.size() - std::string_view("//new").size();
    mails.push_back({.path = std::move(path),
                     .name_at = name_at,
                     .user_at = root_.size() + 1,
                     .user_octets = user_octets,
                     .is_new = is_new});
  }
  return mails;
}

/// I2: one name stands once, whatever was appended to it.
void ModelUsers::look_for_twins(const std::vector<Mail>& mails) {
  std::vector<std::pair<std::string_view, std::string_view>> seen;
  for (const auto& mail : mails) seen.emplace_back(mail.user(), mail.base());
  std::ranges::sort(seen);
  const auto twin = std::ranges::adjacent_find(seen);
  if (twin == seen.end()) return;
  world_.ledger.violate("I2", fmt::format("{} has {} twice", twin->first, twin->second));
}

void ModelUsers::enter(const Mail& mail) {
  if (world_.ledger.has_seen(mail.base())) return;
  world_.ledger.found_in_mailbox(mail.user(), mail.base(), disk_.contents(mail.path).value_or(""));
}

void ModelUsers::visit() {
  const auto mails = all_mail();
  look_for_twins(mails);
  for (const auto& mail : mails) {
    enter(mail);
    if (mail.is_new && world_.plan.users_move && world_.random.chance(50)) {
      world_.trace.note(mail.user(), "reads", mail.name(), {});
      disk_.move(mail.path, fmt::format("{}/{}/cur/{}:2,S", root_, mail.user(), mail.name()));
    } else if (!mail.is_new && world_.plan.users_delete && world_.random.chance(20)) {
      world_.trace.note(mail.user(), "deletes", mail.name(), {});
      world_.ledger.deleted_by_user(mail.base());
      disk_.erase(mail.path);
    }
  }
}

void ModelUsers::look_at_all() {
  const auto mails = all_mail();
  look_for_twins(mails);
  for (const auto& mail : mails) {
    enter(mail);
    world_.ledger.lies_in_mailbox(mail.base());
  }
}

}  // namespace posthorn::proof
