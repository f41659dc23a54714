// Who is told what about a message (RFC 3461 §5.2, §6.1): failures, delays, deliveries, and the hand-over to servers that do
// not report. One report per message and round of attempts, with a group for each recipient that it is about. None answers
// a message without a sender: if such a message fails, the postmaster is told, and if that fails too, nobody.
// mail/delivery_report.hpp writes the report; who queues it does so after the outcomes are durable.
#pragma once

#include "base/time.hpp"
#include "mail/delivery_report.hpp"
#include "mail/envelope.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace posthorn::rules {

struct BounceSettings {
  Duration warn = std::chrono::hours{4};  ///< age at which a delay is told, once; 0: never
  Duration expire = std::chrono::days{5};
  std::optional<mail::Address> postmaster;  ///< who hears of failures that nobody else can be told; none: nobody
};

/// What became of a recipient in a round of attempts.
struct RecipientEvent {
  enum class What : std::uint8_t {
    delivered,  ///< in a mailbox here, or by LMTP
    passed_on,  ///< to a server that does DSN and will report itself (RFC 3461 §5.2.1)
    relayed,    ///< to a server that does not (§5.2.2)
    deferred,
    failed,   ///< refused for good
    expired,  ///< tried for as long as a message lives
  };
  std::uint32_t recipient = 0;  ///< place in the envelope
  What what = What::deferred;
  mail::EnhancedStatus status{4, 0, 0};  ///< of the last attempt
  std::string reply;                     ///< the server's, with its code; empty: no server said anything
  std::string reason;                    ///< ours, where no server said anything
  std::string remote_host;
  bool outcome_unknown = false;            ///< a connection was lost after the final dot, the last time or before
  bool warned = false;                     ///< the sender has been told of the delay
  std::optional<WallTime> last_attempt{};  ///< none: there was none, or nobody knows when
};

/// What the events are about.
struct ReportedMessage {
  const mail::Envelope& envelope;
  Duration age{};  ///< by even-running time (retry_schedule.hpp: MessageAge)
  WallTime now;
};

/// Whether somebody is to be told of this: then the outcome is recorded together with the debt (spool: report_due).
[[nodiscard]] bool owes_report(const BounceSettings& settings, const ReportedMessage& message,
                               const RecipientEvent& event);

struct ReportPlan {
  mail::Address to;
  std::vector<mail::ReportedRecipient> recipients;
  std::vector<std::uint32_t> places;  ///< of these recipients in the envelope
  std::vector<std::uint32_t> warned;  ///< those among them whose delay is told: once is enough
};

/// The one report about these events; none if nobody is owed one.
[[nodiscard]] std::optional<ReportPlan> plan_report(const BounceSettings& settings, const ReportedMessage& message,
                                                    std::span<const RecipientEvent> events);

/// RFC 3461 §6.1: the envelope of a report has no sender.
[[nodiscard]] mail::Envelope report_envelope(const mail::Address& to, const mail::ReportMessage& report);

/// What a temporary status becomes when the time is over: the same for good (FAULTS F15), or 5.4.7 where the way was the
/// trouble and not the mailbox.
[[nodiscard]] mail::EnhancedStatus expired_status(const mail::EnhancedStatus& last);

}  // namespace posthorn::rules
