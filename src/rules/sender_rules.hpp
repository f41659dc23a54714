// Whether an authenticated user may name this sender (RFC 6409 §6.1): users own the addresses whose mail they receive, be
// it by their name, a tag on it, or an alias.
#pragma once

#include "mail/address.hpp"
#include "mail/user_name.hpp"
#include "rules/directory.hpp"
#include "rules/sender_check.hpp"
#include "smtp/reply.hpp"

#include <optional>

namespace posthorn::rules {

[[nodiscard]] bool receives_mail_of(const mail::UserName& user, const mail::Address& address,
                                    const Directory& directory);

/// What MAIL is answered: 553 5.7.1. Nothing: the sender may be named; the null reverse-path always may.
[[nodiscard]] std::optional<smtp::Reply> sender_refusal(SenderCheck check, const mail::UserName& user,
                                                        const std::optional<mail::Address>& sender,
                                                        const Directory& directory);

}  // namespace posthorn::rules
