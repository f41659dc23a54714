// What a message from one of our users must be, and what we add to it (RFC 6409 §6, §8): one From field that names the
// user, a Date, a Message-ID. Pure.
#pragma once

#include "base/message_id.hpp"
#include "base/time.hpp"
#include "mail/message_scanner.hpp"
#include "mail/submission_header.hpp"
#include "mail/user_name.hpp"
#include "rules/directory.hpp"
#include "rules/sender_check.hpp"
#include "smtp/reply.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::rules {

/// What the end of data is answered when the header does not say honestly who wrote it: 550 5.7.1. Several From fields, or
/// one that cannot be read, let different readers see different authors, whatever the check. A message without From names
/// nobody falsely and passes.
[[nodiscard]] std::optional<smtp::Reply> author_refusal(SenderCheck check, const mail::UserName& user,
                                                        const mail::SubmissionHeader& header,
                                                        const mail::MessageFacts& facts, const Directory& directory);

/// The fields that the message lacks, to stand above it: Date, Message-ID. Empty when it has both.
[[nodiscard]] std::string missing_fields(const mail::MessageFacts& facts, WallTime now, MessageId id,
                                         std::string_view hostname);

/// The user that a login name means: the one of that name, or, with one of our domains behind it, the one who gets the mail
/// of that address by name. A name that is nobody's in the directory (users known to PAM or Dovecot only) stays as it is.
[[nodiscard]] std::optional<mail::UserName> user_of_login(std::string_view login, const Directory& directory);

}  // namespace posthorn::rules
