// How a message is shown to operators and programs: one JSON object in the shape of `posthorn queue list --json`, and which
// messages a filter means. Pure: values in, text out.
#pragma once

#include "service/groups.hpp"
#include "store/spool_types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

/// "queued", "held", "delivered", "bounced", "removed"
[[nodiscard]] std::string_view status_text(store::RecipientStatus status);

/// The object without its closing brace, so that more may be put into it.
void put_message(std::string& out, const store::StoredMessage& message, const Routes& routes);

/// Whether something of it still waits: others are on their way out, with a report at most.
[[nodiscard]] bool is_waiting(const store::StoredMessage& message);

/// Which recipients of which messages are meant; what is not given means all.
struct QueueFilter {
  std::optional<std::string> sender{};     ///< an address, "@domain", or empty for the null sender
  std::optional<std::string> recipient{};  ///< an address, or "@domain"
  std::optional<std::string> domain{};     ///< of recipients
  std::optional<store::RecipientStatus> status{};

  [[nodiscard]] bool is_empty() const { return !sender && !recipient && !domain && !status; }
  [[nodiscard]] bool takes_sender(const mail::Envelope& envelope) const;
  [[nodiscard]] bool takes_recipient(const mail::Address& address, store::RecipientStatus status) const;
  /// Its sender, and at least one of its recipients.
  [[nodiscard]] bool takes(const store::StoredMessage& message) const;
};

/// The status of that name, "removed" among them.
[[nodiscard]] std::optional<store::RecipientStatus> status_named(std::string_view name);

}  // namespace posthorn::service
