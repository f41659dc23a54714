// Gatekeeper: answers a session's questions about senders and recipients, and says who gets an accepted message. It joins
// the rules (relay_rules, recipient_router) with the directory as it is now; a recipient who seems unknown is looked up
// once more when the files have changed since, so that `posthorn user add` counts at once.
#pragma once

#include "mail/envelope.hpp"
#include "mail/submission_header.hpp"
#include "mail/user_name.hpp"
#include "rules/listener_role.hpp"
#include "rules/sender_check.hpp"
#include "service/directory_source.hpp"
#include "smtp/reply.hpp"
#include "world/task.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace posthorn::service {

/// On whose word a session asks.
struct Client {
  rules::ListenerRole role = rules::ListenerRole::mx;
  std::string_view user;  ///< authenticated; empty: nobody
};

/// An envelope as it is stored: aliases replaced by those they name, each recipient once.
struct Expansion {
  mail::Envelope envelope;
  std::optional<smtp::Reply> refusal;  ///< nobody can be reached now
};

class Gatekeeper {
 public:
  Gatekeeper(DirectorySource& directory, world::Loop& loop) : directory_(directory), loop_(loop) {}

  /// None: yes. Answers at once.
  [[nodiscard]] std::optional<smtp::Reply> refuse_recipient(const Client& client, const mail::Address& recipient) const;
  /// The same after the directory's files were looked at again; only for recipients who seem unknown.
  [[nodiscard]] world::Task<std::optional<smtp::Reply>> look_again(Client client, mail::Address recipient);

  /// Whether an authenticated user may name this sender. Answers at once.
  [[nodiscard]] std::optional<smtp::Reply> refuse_sender(rules::SenderCheck check, std::string_view user,
                                                         const std::optional<mail::Address>& sender) const;
  /// The same after the directory's files were looked at again.
  [[nodiscard]] world::Task<std::optional<smtp::Reply>> look_again_at_sender(rules::SenderCheck check, std::string user,
                                                                             std::optional<mail::Address> sender);
  /// Whether the header of the user's message says honestly who wrote it.
  [[nodiscard]] std::optional<smtp::Reply> refuse_author(rules::SenderCheck check, std::string_view user,
                                                         const mail::SubmissionHeader& header,
                                                         const mail::MessageFacts& facts) const;
  /// The user that a login name means; none: no name that anybody could have.
  [[nodiscard]] std::optional<mail::UserName> user_of_login(std::string_view login) const;
  [[nodiscard]] bool knows(const mail::UserName& user) const { return directory_.current()->has_user(user); }

  /// RFC 5321 §3.5: who is here, for VRFY, where the administrator lets it tell. A name without a domain is of our first.
  [[nodiscard]] smtp::Reply verify(std::string_view text) const;

  [[nodiscard]] Expansion expand(mail::Envelope envelope) const;

 private:
  DirectorySource& directory_;
  world::Loop& loop_;
};

/// RFC 3461 §5.2.7.3: of several addresses that one stands for, the first alone is told of when it is reached, as in (b);
/// wishes to hear of failures and delays go with each, as in (c).
void tell_success_of_one(std::span<mail::Recipient> targets);

/// RFC 5321 §4.3.2: the reply that says "no such user here", after which look_again() is worth a try.
[[nodiscard]] bool says_unknown_user(const smtp::Reply& reply);

}  // namespace posthorn::service
