#include "rules/relay_rules.hpp"

namespace posthorn::rules {

std::optional<smtp::Reply> relay_refusal(const RelayQuestion& question) {
  switch (question.role) {
    case ListenerRole::relay:
      return std::nullopt;
    case ListenerRole::mx:
      // RFC 5321 §3.6.1, RFC 2505 §2.1: mail that is neither for us nor from our users is not ours to carry.
      if (question.is_local) return std::nullopt;
      return smtp::Reply(550, {5, 7, 1}, "Relaying denied: this server takes mail for its own domains only");
    case ListenerRole::submission:
      // RFC 6409 §4.3
      if (question.is_authenticated) return std::nullopt;
      return smtp::Reply(530, {5, 7, 0}, "Authentication required");
  }
  return smtp::Reply(550, {5, 7, 1}, "Relaying denied");
}

}  // namespace posthorn::rules
