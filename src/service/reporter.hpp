// Reporter: tells senders what became of their mail. It asks the rules who is owed what (rules/bounce_rules), builds one
// report per message and round of attempts (mail/delivery_report), and puts it into the spool by the same door as any mail,
// with the null sender. That the sender has been told becomes durable in the same record as the report (I9): both or
// neither, so that a crash neither loses a report nor doubles it.
// On the home loop.
#pragma once

#include "mail/delivery_report.hpp"
#include "rules/bounce_rules.hpp"
#include "service/delivery.hpp"
#include "service/delivery_names.hpp"
#include "service/gatekeeper.hpp"
#include "service/groups.hpp"
#include "store/spool.hpp"
#include "world/log.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace posthorn::service {

struct ReporterSettings {
  rules::BounceSettings bounce;
  std::string hostname;
  mail::ReportSettings report;
};

/// One recipient's part of a round: what happened, and the state that was recorded for it.
struct RoundEvent {
  rules::RecipientEvent event;
  store::RecipientState state;
};

class Reporter {
 public:
  /// All outlive it.
  struct World {
    world::Loop& loop;
    store::Spool& spool;
    world::Log& log;
    DeliveryNames& names;
    const Routes& routes;
    const Gatekeeper& gatekeeper;
    std::function<void(MessageId, std::vector<Group>)> accepted;
  };

  Reporter(World world, ReporterSettings settings) : world_(std::move(world)), settings_(std::move(settings)) {}

  /// For reports from now on.
  void change(ReporterSettings settings) { settings_ = std::move(settings); }

  /// Whether the sender is to be told: to be recorded as RecipientState::report_due together with the outcome.
  [[nodiscard]] bool owes_report(const store::StoredMessage& message, const RoundEvent& round) const;
  /// Queues the report about these, if one is owed. Their outcomes are durable already. Errors: as Spool::commit(); nothing
  /// was queued, call again.
  [[nodiscard]] world::Task<Result<>> report(const store::StoredMessage& message, std::vector<RoundEvent> round);

 private:
  [[nodiscard]] world::Task<std::string> beginning_of(MessageId id);
  [[nodiscard]] rules::ReportedMessage about(const store::StoredMessage& message, Duration age) const;
  [[nodiscard]] store::Settlement settlement(const rules::ReportPlan& plan, MessageId about, MessageId report,
                                             std::span<const RoundEvent> round) const;

  World world_;
  ReporterSettings settings_;
};

/// What is known of a recipient whose report was still due when the server ended.
[[nodiscard]] RoundEvent round_event_of(std::uint32_t recipient, const store::RecipientState& state);

}  // namespace posthorn::service
