#include "proof/model_users.hpp"

#include <fmt/core.h>

#include <set>
#include <string>

namespace posthorn::proof {

/// "/mail/alice/new/NAME" or "/mail/alice/cur/NAME:2,S"
template <class Visit>
void ModelUsers::each_mail(Visit visit) {
  for (const auto& path : disk_.tree(root_)) {
    const auto name_at = path.rfind('/') + 1;
    if (name_at == path.size()) continue;
    const auto folder = std::string_view(path).substr(0, name_at - 1);
    const bool is_new = folder.ends_with("/new");
    if (!is_new && !folder.ends_with("/cur")) continue;
    const auto user = folder.substr(root_.size() + 1, folder.size() - root_.size() - 5);
    visit(Mail{std::string(user), path.substr(name_at), path, is_new});
  }
}

/// I2: one name stands once, whatever was appended to it.
void ModelUsers::look_for_twins() {
  std::set<std::string> seen;
  each_mail([this, &seen](const Mail& mail) {
    if (seen.insert(mail.user + "/" + mail.name.substr(0, mail.name.find(':'))).second) return;
    world_.ledger.violate("I2", fmt::format("{} has {} twice", mail.user, mail.name));
  });
}

void ModelUsers::visit() {
  look_for_twins();
  each_mail([this](const Mail& mail) {
    const auto text = disk_.contents(mail.path);
    world_.ledger.found_in_mailbox(mail.user, mail.name, text.value_or(""));
    if (mail.is_new && world_.plan.users_move && world_.random.chance(50)) {
      world_.trace.note(mail.user, "reads", mail.name, {});
      disk_.move(mail.path, fmt::format("{}/{}/cur/{}:2,S", root_, mail.user, mail.name));
    } else if (!mail.is_new && world_.plan.users_delete && world_.random.chance(20)) {
      world_.trace.note(mail.user, "deletes", mail.name, {});
      world_.ledger.deleted_by_user(mail.name.substr(0, mail.name.find(':')));
      disk_.erase(mail.path);
    }
  });
}

void ModelUsers::look_at_all() {
  look_for_twins();
  each_mail([this](const Mail& mail) {
    world_.ledger.found_in_mailbox(mail.user, mail.name, disk_.contents(mail.path).value_or(""));
    world_.ledger.lies_in_mailbox(mail.name.substr(0, mail.name.find(':')));
  });
}

}  // namespace posthorn::proof
