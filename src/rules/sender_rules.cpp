#include "rules/sender_rules.hpp"

#include "rules/recipient_router.hpp"

#include <algorithm>
#include <variant>

namespace posthorn::rules {
namespace {

bool may_name(SenderCheck check, const mail::UserName& user, const mail::Address& sender, const Directory& directory) {
  switch (check) {
    case SenderCheck::own:
      return receives_mail_of(user, sender, directory);
    case SenderCheck::local:
      return directory.is_local_domain(sender.domain());
    case SenderCheck::off:
      return true;
  }
  return false;
}

bool is_name_of(const mail::UserName& user, const mail::Address& address) {
  const bool in_domain = user.domain().empty() || user.domain() == address.domain();
  return in_domain && mail::canonical_local_part(address.local_part()) == user.local_part();
}

}  // namespace

bool receives_mail_of(const mail::UserName& user, const mail::Address& address, const Directory& directory) {
  const auto resolution = resolve(address, directory);
  // A user known to PAM or Dovecot only has no mailbox here; the address of that name is nobody else's.
  if (std::holds_alternative<UnknownUser>(resolution)) {
    return !directory.has_user(user) && directory.is_local_domain(address.domain()) && is_name_of(user, address);
  }
  const auto* routed = std::get_if<Routed>(&resolution);
  if (routed == nullptr) return false;
  return std::ranges::any_of(routed->destinations, [&](const Destination& destination) {
    const auto* mailbox = std::get_if<MailboxDestination>(&destination);
    return mailbox != nullptr && mailbox->user == user;
  });
}

std::optional<smtp::Reply> sender_refusal(SenderCheck check, const mail::UserName& user,
                                          const std::optional<mail::Address>& sender, const Directory& directory) {
  if (!sender || may_name(check, user, *sender, directory)) return std::nullopt;
  return smtp::Reply(553, {5, 7, 1}, "This sender address is not yours");
}

}  // namespace posthorn::rules
