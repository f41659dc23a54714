// One attempt to deliver: some recipients of one message towards one destination, and what became of each. The queue
// manager makes attempts, local and remote delivery carry them out.
#pragma once

#include "rules/queue_plan.hpp"
#include "store/spool.hpp"
#include "world/task.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::service {

struct Attempt {
  std::string destination;  ///< key of the queue plan: a user's name, or what a domain's mail goes to
  store::StoredMessage message;
  store::MessageText text;
  std::vector<std::uint32_t> recipients;  ///< places in the envelope; at least one
  bool may_be_repeat = false;  ///< the message is of an earlier start: it may have been delivered before the crash
  /// Called at most once, before anything is sent, by a deliverer that learns that the destination is kept under another
  /// name (the MX set). False: it is not this message's turn there; the result is then AttemptResult::waits_elsewhere.
  std::function<bool(const std::string& destination)> moves_to;
};

struct RecipientResult {
  enum class What : std::uint8_t {
    delivered,
    deferred,  ///< try again later
    failed,    ///< for good
    unknown,   ///< the connection was lost after the final dot: it may have been delivered
    expired,   ///< nothing was tried: its life is over (the queue manager's word, no deliverer's)
  };
  std::uint32_t recipient = 0;
  What what = What::deferred;
  std::string status_code;  ///< RFC 3463, "4.2.2"
  std::string reply;        ///< the peer's words, or ours for the sender: no path, no secret
  std::string remote_host;  ///< who said so; empty: we
  bool passed_on =
      false;  ///< to a server that reports by itself (RFC 3461 §5.2.1), or redirected with the wishes for reports
  bool in_mailbox = false;  ///< delivered by a server for which this is the end (LMTP): "delivered", not "relayed"
};

struct AttemptResult {
  std::vector<RecipientResult> recipients;  ///< one for each of the attempt's
  rules::Health health = rules::Health::worked;
  std::string dialogue{};  ///< lines of the sessions there were, without the text and without secrets; for the operator
  bool waits_elsewhere = false;  ///< nothing was done: the entry is in the plan again, under the name that was told
};

class Deliverer {
 public:
  Deliverer() = default;
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;
  virtual ~Deliverer() = default;

  /// On the home loop; many at once. Every wait inside has a deadline, so that it always returns.
  [[nodiscard]] virtual world::Task<AttemptResult> deliver(Attempt attempt) = 0;
};

}  // namespace posthorn::service
