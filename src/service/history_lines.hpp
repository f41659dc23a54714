// The lines of the history, as JSON behind a letter that says what kind they are: E an event, D a dialogue, M the message
// as it stood when it left. Made here, put together here for `queue show`; kept by service/history.
#pragma once

#include "service/groups.hpp"
#include "store/spool_types.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace posthorn::service {

struct HistoryEvent {
  std::string_view
      what;  ///< "delivered", "deferred", "bounced", "expired", "held", "released", "retried", "removed", "reported"
  WallTime time{};
  std::string recipient{};                       ///< empty: of the message
  const store::RecipientState* state = nullptr;  ///< what is known after it; none: nothing to tell
  std::string_view rule{};                       ///< what set the next time
};

[[nodiscard]] std::string event_line(const HistoryEvent& event);
/// `dialogue`: lines as the session had them, cut to the last `most` octets.
[[nodiscard]] std::string dialogue_line(WallTime time, std::string_view dialogue, std::size_t most = 8U << 10);
[[nodiscard]] std::string summary_line(const store::StoredMessage& message, const Routes& routes);

/// The whole of a message for `queue show`: from the spool where it still waits, else from its summary. None: neither is
/// there, nor any event. At most the last ten dialogues.
[[nodiscard]] std::optional<std::string> shown_message(const store::StoredMessage* message,
                                                       std::span<const std::string> lines, const Routes& routes);

}  // namespace posthorn::service
