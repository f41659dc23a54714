#include "service/directory_routes.hpp"

#include <string>
#include <string_view>

namespace posthorn::service {

std::optional<mail::UserName> mailbox_of(const mail::Address& recipient, const rules::Directory& directory) {
  const auto local_part = mail::canonical_local_part(recipient.local_part());
  if (auto user = directory.find_user(local_part, recipient.domain())) return user;
  const auto tag = directory.separator().empty() ? std::string::npos : local_part.find(directory.separator());
  const auto name = std::string_view(local_part).substr(0, tag);
  if (auto user = directory.find_user(name, recipient.domain())) return user;
  // RFC 5321 §4.5.1: there is always a postmaster.
  if (name == "postmaster") return directory.postmaster();
  return std::nullopt;
}

Destination DirectoryRoutes::destination_of(const mail::Address& recipient) const {
  const auto directory = source_.current();
  if (!directory->is_local_domain(recipient.domain())) {
    const auto routing = routing_.current();
    const auto& way = routing->way_for(recipient.domain());
    return {Lane::remote, rules::Routing::destination_key(way, recipient.domain()), way.kind == rules::Way::Kind::mx};
  }
  const auto user = mailbox_of(recipient, *directory);
  return {Lane::local, user ? user->text() : std::string{}};
}

}  // namespace posthorn::service
