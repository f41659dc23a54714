// The envelope as a client writes it: MAIL and RCPT with the parameters that the server at hand has offered to understand,
// and no others (RFC 5321 §4.1.1.11); and what can be told, before anything is sent, not to go through.
#pragma once

#include "smtp/client_effect.hpp"
#include "smtp/client_extensions.hpp"

#include <optional>
#include <string>

namespace posthorn::smtp {

/// "MAIL FROM:<alice@example.org> SIZE=1000 BODY=8BITMIME"
[[nodiscard]] std::string mail_command(const ClientMessage& message, const PeerExtensions& peer);

/// "RCPT TO:<bob@example.com> NOTIFY=FAILURE ORCPT=rfc822;bob@example.net"
[[nodiscard]] std::string rcpt_command(const mail::Recipient& recipient, const PeerExtensions& peer);

/// RFC 3463 §3.7: the message must be converted before this server can be given it.
inline constexpr mail::EnhancedStatus not_seven_bit{5, 6, 3};

/// Why the server cannot be given the message as it is: a permanent outcome for all its recipients. `not_seven_bit` only
/// where nothing else stands in the way.
[[nodiscard]] std::optional<Outcome> refused_beforehand(const ClientMessage& message, const PeerExtensions& peer,
                                                        bool encrypted);

}  // namespace posthorn::smtp
