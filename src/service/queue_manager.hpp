// QueueManager: brings every message in the spool to its end. It keeps the plan of what is tried when (rules/queue_plan,
// one plan for local and one for remote destinations), starts attempts, and records each outcome durably before anything
// follows from it. It holds no message: an attempt loads its message from the spool.
// Guarantees: a recipient's outcome is in the spool before the plan forgets the entry; an entry is in one attempt at a
// time; nothing is tried before its time; one message or destination that fails stops no other; what an operator asks is
// in the spool before it is answered, and no attempt that was under way writes over it.
// On the home loop only, but for accepted().
#pragma once

#include "rules/destination_names.hpp"
#include "rules/queue_plan.hpp"
#include "rules/retry_schedule.hpp"
#include "service/delivery.hpp"
#include "service/groups.hpp"
#include "service/history.hpp"
#include "service/last_failures.hpp"
#include "service/message_gate.hpp"
#include "service/recipient_steps.hpp"
#include "service/report_rounds.hpp"
#include "service/reporter.hpp"
#include "store/spool.hpp"
#include "world/log.hpp"
#include "world/random.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace posthorn::service {

/// All outlive the manager.
struct QueueWorld {
  world::Loop& loop;  ///< the home loop
  store::Spool& spool;
  world::Log& log;
  world::Random& random;
  const Routes& routes;
  Reporter& reporter;
  History& history;
  Deliverer& local;
  Deliverer* remote;  ///< none: remote mail waits in the spool
};

struct QueueSettings {
  rules::RetrySettings retry;
  rules::QueuePlan::Settings local{.deliveries = 256, .first_window = 64, .largest_window = 64};
  rules::QueuePlan::Settings remote;
  bool paused = false;
  Duration record_pause = std::chrono::seconds{1};  ///< between attempts to record an outcome while the disk fails
  std::size_t adopt_batch = 512;                    ///< messages read at a time after a start
  std::size_t remembered_names = 10'000;            ///< domains whose set of hosts is known without asking DNS
  Duration fresh_failure =
      std::chrono::seconds{30};  ///< a new message shares a dead destination's failure of so long ago
  Duration gate_patience =
      std::chrono::seconds{30};  ///< an operator waits so long for outcomes that are being recorded
  Duration report_patience =
      std::chrono::minutes{1};  ///< a report waits for attempts that begin within this time of what it tells first
};

/// Recipients since the start, for metrics. I26: accepted + recovered = delivered + bounced + removed + what the spool holds
/// queued or held, but for those that are being recorded this moment, and for messages the spool lost to a bad disk.
struct QueueFacts {
  std::uint64_t messages = 0;  ///< accepted
  std::uint64_t accepted = 0;
  std::uint64_t recovered = 0;  ///< waiting from earlier starts
  std::uint64_t delivered = 0;
  std::uint64_t bounced = 0;  ///< failed for good, expired ones among them
  std::uint64_t expired = 0;
  std::uint64_t removed = 0;
  std::uint64_t deferrals = 0;    ///< events, as are the others below
  std::uint64_t ambiguous = 0;    ///< outcomes unknown (I3)
  std::uint64_t quarantined = 0;  ///< groups of messages that cannot be read
  std::uint64_t delivered_after_removal = 0;
  bool is_recovered = false;  ///< all that waited is known
};

/// What came of an operator's word about one message.
struct ActionResult {
  std::uint32_t recipients = 0;  ///< changed
  std::uint32_t running = 0;     ///< of these, with an attempt under way: it may still succeed
};

class QueueManager {
 public:
  QueueManager(QueueWorld world, QueueSettings settings);

  /// A message has become durable. `groups`: of its envelope. Any thread.
  void accepted(MessageId id, std::vector<Group> groups);
  /// A message has become durable that some recipients are settled of already: plans the rest, reports what is owed. On the
  /// home loop.
  [[nodiscard]] world::Task<> take_up(MessageId id);
  /// Takes up what was waiting in the spool when it was opened. After Spool::recover().
  [[nodiscard]] world::Task<> adopt_waiting();
  /// For attempts and outcomes from now on; times that were set stay, and what was paused goes on at once.
  void change(QueueSettings settings);
  /// Starts nothing more; attempts under way go on. idle() is set when the last has ended.
  void stop();
  [[nodiscard]] world::Event& idle() { return idle_; }

  /// Which recipients of a message are meant, with their state.
  using Choice = std::function<bool(const mail::Recipient&, const store::RecipientState&)>;
  /// An operator's word. When it returns, what changed is in the spool, and the reports that an expiry owes as well.
  /// Errors: `not_found`, `timed_out` (outcomes of the message are being recorded all the time), as Spool::record().
  [[nodiscard]] world::Task<Result<ActionResult>> act(OperatorAction action, MessageId id, Choice is_meant);

  [[nodiscard]] const QueueFacts& facts() const { return facts_; }

  [[nodiscard]] const rules::QueuePlan& local_plan() const { return local_; }
  [[nodiscard]] const rules::QueuePlan& remote_plan() const { return remote_; }

 private:
  [[nodiscard]] rules::QueuePlan& plan(Lane lane) { return lane == Lane::local ? local_ : remote_; }
  [[nodiscard]] const rules::QueuePlan& plan(Lane lane) const { return lane == Lane::local ? local_ : remote_; }
  [[nodiscard]] Deliverer& deliverer(Lane lane) { return lane == Lane::local ? world_.local : *world_.remote; }

  void adopt(const store::StoredMessage& message);
  /// Those that could not be read at the start: again and again, until the disk lets it.
  [[nodiscard]] world::Task<> adopt_unread(std::vector<MessageId> unread);
  /// However long the disk takes. None: it is gone, or the server stops.
  [[nodiscard]] world::Task<std::optional<store::StoredMessage>> load_surely(MessageId id);
  /// Gives each group of the message its place in the plan; of those that have one only with `replaces`.
  void place_entries(const store::StoredMessage& message, bool replaces);
  void place_entry(const store::StoredMessage& message, const Group& group, bool replaces);
  /// Under which name the plan keeps what goes there.
  [[nodiscard]] std::string_view planned_name(const Destination& destination) const {
    return destination.asks_mx ? names_.name_of(destination.key) : std::string_view(destination.key);
  }
  /// The plan had an entry that the routing of now, or an operator, has taken the ground from.
  [[nodiscard]] world::Task<> replan(MessageId id);
  void pause_as_set();
  void pump_soon();
  void pump();
  void start_due(Lane lane);
  void set_timer();
  void start(world::Task<> work);
  [[nodiscard]] world::Task<> run(world::Task<> work);

  [[nodiscard]] world::Task<> attempt(Lane lane, rules::QueuePlan::Work work);
  [[nodiscard]] world::Task<AttemptResult> carry_out(Lane lane, const rules::QueuePlan::Work& work,
                                                     store::LoadedMessage loaded, std::vector<std::uint32_t> open);
  /// An attempt has learned under which name its destination is kept. True: it goes on.
  [[nodiscard]] bool move(const rules::QueuePlan::Work& work, const std::string& domain,
                          const std::string& destination);
  /// The attempt did nothing, its entry waits again.
  [[nodiscard]] world::Task<> leave_to_wait(MessageId id);
  void defer_after_fault(Lane lane, rules::EntryId entry, const Error& error);
  /// The life of those who wait no longer for an attempt is over.
  [[nodiscard]] world::Task<> give_up(Lane lane, rules::EntryId entry);

  // ---- the end of an attempt: queue_settling.cpp ----
  [[nodiscard]] world::Task<> settle(Lane lane, rules::EntryId entry, store::StoredMessage message,
                                     AttemptResult result);
  [[nodiscard]] world::Task<> read_states_again(store::StoredMessage& message);
  [[nodiscard]] std::vector<RoundEvent> steps_of(Lane lane, rules::EntryId entry, store::StoredMessage& message,
                                                 const AttemptResult& result);
  [[nodiscard]] RoundEvent round_event(Lane lane, const store::StoredMessage& message, const RecipientResult& result,
                                       AttemptStep step);
  void leave_attempt(Lane lane, rules::EntryId entry, const store::StoredMessage& message, rules::Health health,
                     bool is_touched);
  /// What comes next for a group.
  struct Next {
    MonotonicTime due = never;
    Duration slack{};     ///< as QueuePlan::add()
    bool is_end = false;  ///< of its life: no attempt
  };
  [[nodiscard]] Next next_of(std::span<const RoundEvent> round) const;
  [[nodiscard]] Duration slack_of(const store::RecipientState& state) const;
  void wait_for(Lane lane, rules::EntryId entry, rules::Health health, const Next& next);
  [[nodiscard]] world::Task<> record(MessageId id, std::vector<store::Outcome> outcomes);
  /// `since`: of the entry that the recipient belongs to.
  [[nodiscard]] StepFacts step_facts(const store::StoredMessage& message, MonotonicTime since) const;
  [[nodiscard]] MonotonicTime since_of(Lane lane, rules::EntryId entry) const;
  /// For each recipient, of its entry.
  [[nodiscard]] std::vector<MonotonicTime> since_of_each(const store::StoredMessage& message) const;
  void count(const AttemptStep& step, const RecipientResult& result);
  void note(const store::StoredMessage& message, std::uint32_t place, const AttemptStep& step,
            const RecipientResult& result);
  /// Puts in what other attempts at the same message have brought meanwhile.
  void join_states(store::StoredMessage& message, const std::vector<RoundEvent>& round);
  void note_end(const store::StoredMessage& message);
  void note_event(const store::StoredMessage& message, std::uint32_t place, std::string_view what,
                  const store::RecipientState* state, std::string_view rule = {});
  void log_outcome(const store::StoredMessage& message, const RecipientResult& result,
                   const store::RecipientState& state);

  // ---- what senders are told: queue_reporting.cpp ----
  /// Those of them that the sender is to be told of.
  [[nodiscard]] std::vector<RoundEvent> owed_of(const store::StoredMessage& message,
                                                std::vector<RoundEvent> round) const;
  /// An attempt is over: its round is told if it was the last. True: the message was touched meanwhile, and its states are
  /// the newest. Inside the message's gate.
  [[nodiscard]] world::Task<bool> end_round(rules::EntryId entry, store::StoredMessage& message,
                                            std::vector<RoundEvent> round);
  /// Whether a report about this attempt's recipients would leave out some who wait as well.
  [[nodiscard]] static bool leaves_out_some(const store::StoredMessage& message, const ReportRounds::Round& round);
  /// The same for an attempt that ended without an outcome, outside the gate.
  [[nodiscard]] world::Task<> leave_round(rules::EntryId entry);
  /// Alone with the message, whose states are the newest then.
  [[nodiscard]] world::Task<> report_shared(ReportRounds::Round& round);
  /// Who waits, as it is now: next attempts come at different times, and the delay is one for all of them.
  void renew_delays(const store::StoredMessage& message, std::vector<RoundEvent>& events) const;
  void note_warnings(MessageId id, std::span<const RoundEvent> told);
  /// Queues the report about these, which are owed, however long the disk takes to allow it.
  [[nodiscard]] world::Task<> report(store::StoredMessage message, std::vector<RoundEvent> owed);

  // ---- the operator's hands: queue_actions.cpp ----
  [[nodiscard]] world::Task<Result<ActionResult>> change(OperatorAction action, store::StoredMessage message,
                                                         const Choice& is_meant);
  [[nodiscard]] std::vector<std::uint32_t> running_recipients(const store::StoredMessage& message) const;
  [[nodiscard]] bool is_running(MessageId id) const;
  void note_time(const store::StoredMessage& message, const std::vector<store::Outcome>& changed);
  void log_action(OperatorAction action, const store::StoredMessage& message, const store::Outcome& outcome);

  QueueWorld world_;
  QueueSettings settings_;
  rules::QueuePlan local_;
  rules::QueuePlan remote_;
  rules::DestinationNames names_;  // of remote destinations
  MonotonicTime started_;
  LastFailures last_failures_;
  world::TimerId timer_ = world::TimerId::none;
  MonotonicTime timer_at_ = never;
  MessageGate gate_;
  ReportRounds rounds_;
  std::unordered_map<MessageId, std::vector<store::RecipientState>>
      newest_;  ///< of messages with several attempts under way
  std::unordered_set<MessageId>
      touched_;  ///< by an operator, while an attempt was under way: its state is to be read again
  QueueFacts facts_;
  bool pump_posted_ = false;
  bool stopped_ = false;
  world::Event idle_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
