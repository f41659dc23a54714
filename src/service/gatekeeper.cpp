#include "service/gatekeeper.hpp"

#include "base/planted_fault.hpp"
#include "rules/recipient_router.hpp"
#include "rules/relay_rules.hpp"
#include "rules/sender_rules.hpp"
#include "rules/submission_rules.hpp"

#include <fmt/core.h>

#include <unordered_set>
#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

std::optional<smtp::Reply> refusal_by(const rules::Directory& directory, const Client& client,
                                      const mail::Address& recipient) {
  const bool is_local = directory.is_local_domain(recipient.domain());
  const auto relay =
      rules::relay_refusal({.role = client.role, .is_authenticated = !client.user.empty(), .is_local = is_local});
  if (relay || !is_local) return relay;
  return rules::refusal_of(rules::resolve(recipient, directory));
}

/// Recipients in the order they are found, each once; local parts of our own domains compare as we compare them.
class RecipientSet {
 public:
  explicit RecipientSet(const rules::Directory& directory) : directory_(directory) {}

  void add(mail::Recipient recipient) {
    if (seen_.insert(key_of(recipient.address)).second) list_.push_back(std::move(recipient));
  }
  [[nodiscard]] std::vector<mail::Recipient> take() { return std::move(list_); }

 private:
  [[nodiscard]] std::string key_of(const mail::Address& address) const {
    const bool is_local = directory_.is_local_domain(address.domain());
    const std::string local_part(address.local_part());
    return (is_local ? mail::canonical_local_part(local_part) : local_part) + "@" + std::string(address.domain());
  }

  const rules::Directory& directory_;
  std::unordered_set<std::string> seen_;
  std::vector<mail::Recipient> list_;
};

const mail::Address& address_of(const rules::Destination& destination) {
  return std::visit([](const auto& end) -> const mail::Address& { return end.address; }, destination);
}

/// Adds those whom one recipient's mail reaches. False: nobody.
bool add_ends(RecipientSet& ends, const mail::Recipient& recipient, const rules::Directory& directory) {
  if (!directory.is_local_domain(recipient.address.domain())) {
    ends.add(recipient);
    return true;
  }
  const auto resolution = rules::resolve(recipient.address, directory);
  const auto* routed = std::get_if<rules::Routed>(&resolution);
  if (routed == nullptr) return false;
  std::vector<mail::Recipient> targets(routed->destinations.size(), recipient);
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i].address = address_of(routed->destinations[i]);
  tell_success_of_one(targets);
  for (auto& target : targets) ends.add(std::move(target));
  return true;
}

}  // namespace

std::optional<smtp::Reply> Gatekeeper::refuse_recipient(const Client& client, const mail::Address& recipient) const {
  const auto directory = directory_.current();
  const bool is_ours = directory->is_local_domain(recipient.domain());
  if (planted(PlantedFault::gate_open_relay) && !is_ours) return std::nullopt;
  if (planted(PlantedFault::gate_unknown_user_accepted) && is_ours) return std::nullopt;
  return refusal_by(*directory, client, recipient);
}

world::Task<std::optional<smtp::Reply>> Gatekeeper::look_again(Client client, mail::Address recipient) {
  co_await directory_.refresh(loop_);
  co_return refuse_recipient(client, recipient);
}

std::optional<smtp::Reply> Gatekeeper::refuse_sender(rules::SenderCheck check, std::string_view user,
                                                     const std::optional<mail::Address>& sender) const {
  const auto name = mail::UserName::parse(user);
  if (!name) return smtp::Reply{553, {5, 7, 1}, "This sender address is not yours"};
  return rules::sender_refusal(check, *name, sender, *directory_.current());
}

world::Task<std::optional<smtp::Reply>> Gatekeeper::look_again_at_sender(rules::SenderCheck check, std::string user,
                                                                         std::optional<mail::Address> sender) {
  co_await directory_.refresh(loop_);
  co_return refuse_sender(check, user, sender);
}

std::optional<smtp::Reply> Gatekeeper::refuse_author(rules::SenderCheck check, std::string_view user,
                                                     const mail::SubmissionHeader& header,
                                                     const mail::MessageFacts& facts) const {
  const auto name = mail::UserName::parse(user);
  if (!name) return smtp::Reply{550, {5, 7, 1}, "The From field names an address that is not yours"};
  return rules::author_refusal(check, *name, header, facts, *directory_.current());
}

std::optional<mail::UserName> Gatekeeper::user_of_login(std::string_view login) const {
  return rules::user_of_login(login, *directory_.current());
}

smtp::Reply Gatekeeper::verify(std::string_view text) const {
  const auto directory = directory_.current();
  const bool has_domain = text.find('@') != std::string_view::npos;
  auto full = std::string(text);
  if (full.starts_with('<') && full.ends_with('>')) full = full.substr(1, full.size() - 2);
  const auto address = mail::Address::parse(has_domain ? full : full + "@" + directory->primary_domain());
  if (!address) return {501, {5, 1, 3}, "that is no address"};
  // RFC 5321 §3.5.3: not ours to know.
  if (!directory->is_local_domain(address->domain())) return {252, {2, 1, 5}, "not a domain of this server"};
  const auto resolution = rules::resolve(*address, *directory);
  if (const auto refusal = rules::refusal_of(resolution)) return *refusal;
  const auto* user = std::get_if<rules::MailboxDestination>(&std::get<rules::Routed>(resolution).destinations.front());
  if (user == nullptr) return {252, {2, 1, 5}, "mail for that name is taken and sent on"};
  // The user's name as we have it: no octet of the client comes into a reply.
  return {250, {2, 1, 5}, ReplyText{fmt::format("<{}@{}>", user->user.local_part(), directory->primary_domain())}};
}

Expansion Gatekeeper::expand(mail::Envelope envelope) const {
  const auto directory = directory_.current();
  RecipientSet ends(*directory);
  bool all_reached = true;
  for (const auto& recipient : envelope.recipients) {
    all_reached = add_ends(ends, recipient, *directory) && all_reached;
  }
  // Somebody left between RCPT and the end of data: the sender tries again and is told at RCPT.
  Expansion expansion{.envelope = std::move(envelope)};
  if (!all_reached) expansion.refusal = smtp::Reply{451, {4, 3, 5}, "a recipient changed meanwhile, try again"};
  expansion.envelope.recipients = ends.take();
  return expansion;
}

void tell_success_of_one(std::span<mail::Recipient> targets) {
  for (std::size_t i = 1; i < targets.size(); ++i) {
    auto& notify = targets[i].notify;
    if (!std::exchange(notify.success, false)) continue;
    // Nothing else was asked for; an empty list would ask for failures.
    if (!notify.is_given()) notify.never = true;
  }
}

bool says_unknown_user(const smtp::Reply& reply) {
  return reply.code() == 550 && reply.status() == mail::EnhancedStatus{5, 1, 1};
}

}  // namespace posthorn::service
