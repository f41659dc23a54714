#include "service/local_delivery_places.hpp"

#include "base/planted_fault.hpp"
#include "mail/trace_field.hpp"
#include "store/mailbox_name.hpp"

#include <utility>

namespace posthorn::service {
namespace {

/// `name_of`: the recipient after whom the file is named.
store::IncomingMail describe(const Attempt& attempt, std::uint32_t name_of, std::string head) {
  const auto& message = attempt.message;
  const bool renames = planted(PlantedFault::local_repeat_gets_a_new_name) && attempt.may_be_repeat;
  return {.name = store::delivery_file_name(message.delivery_name, name_of) + (renames ? "-again" : ""),
          .id = message.id,
          .sender = message.envelope.sender,
          .arrival = message.arrival,
          .head = std::move(head),
          .may_be_repeat = attempt.may_be_repeat || message.states[name_of].attempts > 0};
}

}  // namespace

bool UserMailboxes::knows(const std::string& destination) const {
  return mail::UserName::parse(destination).has_value();
}

Result<std::unique_ptr<store::Mailbox>> UserMailboxes::open(const std::string& destination) {
  auto user = mail::UserName::parse(destination);
  if (!user) return failure(std::move(user).error());
  store::MailboxTarget target{std::move(*user)};
  if (owner_of_) {
    auto owner = owner_of_(target.user);
    if (!owner) return failure(std::move(owner).error().context("finding the account of " + destination));
    target.owner = *owner;
  }
  return format_.open(target);
}

std::vector<LocalCopy> UserMailboxes::copies_of(const Attempt& attempt) const {
  std::vector<LocalCopy> copies;
  const auto& envelope = attempt.message.envelope;
  // RFC 5321 §4.4: final delivery records the reverse-path.
  const auto return_path = mail::return_path_field(envelope.sender);
  for (const auto place : attempt.recipients) {
    const auto& address = envelope.recipients[place].address;
    copies.push_back({{place}, describe(attempt, place, return_path + mail::delivered_to_field(address))});
    copies.back().mail.folder = folder_of(address, attempt.destination);
  }
  return copies;
}

/// "lists" of "alice+lists" for alice. A user whose own name has the separator in it has no tag.
std::string UserMailboxes::folder_of(const mail::Address& recipient, const std::string& destination) const {
  const auto name = recipient.local_part();
  const auto at = separator_.empty() ? std::string_view::npos : name.find(separator_);
  if (at == std::string_view::npos) return {};
  const auto user = mail::UserName::parse(destination);
  if (!user || mail::canonical_local_part(name.substr(0, at)) != user->local_part()) return {};
  return std::string(name.substr(at + separator_.size()));
}

bool HandOverPlaces::knows(const std::string& destination) const {
  return mail::Domain::parse(destination).has_value();
}

Result<std::unique_ptr<store::Mailbox>> HandOverPlaces::open(const std::string& destination) {
  const auto domain = mail::Domain::parse(destination);
  if (!domain) return failure(domain.error());
  return format_.open(*domain);
}

std::vector<LocalCopy> HandOverPlaces::copies_of(const Attempt& attempt) const {
  const auto& envelope = attempt.message.envelope;
  std::vector<mail::Address> addresses;
  for (const auto place : attempt.recipients) addresses.push_back(envelope.recipients[place].address);
  const auto first = attempt.recipients.front();
  std::vector<LocalCopy> copies;
  copies.push_back({attempt.recipients, describe(attempt, first, store::letter_head(envelope.sender, addresses))});
  return copies;
}

}  // namespace posthorn::service
