// Who may send where: decided by the listener's role and the authenticated user, by nothing that a client can say (I7).
#pragma once

#include "rules/listener_role.hpp"
#include "smtp/reply.hpp"

#include <optional>

namespace posthorn::rules {

struct RelayQuestion {
  ListenerRole role = ListenerRole::mx;
  bool is_authenticated = false;
  bool is_local = false;  ///< the recipient's domain is ours
};

/// What RCPT is answered: 550 5.7.1, 530 5.7.0. Nothing: the recipient may be sent to.
[[nodiscard]] std::optional<smtp::Reply> relay_refusal(const RelayQuestion& question);

}  // namespace posthorn::rules
