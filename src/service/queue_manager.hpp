// QueueManager: brings every message in the spool to its end. It keeps the plan of what is tried when (rules/queue_plan,
// one plan for local and one for remote destinations), starts attempts, and records each outcome durably before anything
// follows from it. It holds no message: an attempt loads its message from the spool.
// Guarantees: a recipient's outcome is in the spool before the plan forgets the entry; an entry is in one attempt at a
// time; nothing is tried before its time; one message or destination that fails stops no other.
// On the home loop only, but for accepted().
#pragma once

#include "rules/queue_plan.hpp"
#include "rules/retry_schedule.hpp"
#include "service/delivery.hpp"
#include "service/groups.hpp"
#include "service/reporter.hpp"
#include "store/spool.hpp"
#include "world/log.hpp"
#include "world/random.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
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
};

class QueueManager {
 public:
  QueueManager(QueueWorld world, QueueSettings settings);

  /// A message has become durable. `groups`: of its envelope. Any thread.
  void accepted(MessageId id, std::vector<Group> groups);
  /// Takes up what was waiting in the spool when it was opened. After Spool::recover().
  [[nodiscard]] world::Task<> adopt_waiting();
  /// Starts nothing more; attempts under way go on. idle() is set when the last has ended.
  void stop();
  [[nodiscard]] world::Event& idle() { return idle_; }

  [[nodiscard]] const rules::QueuePlan& local_plan() const { return local_; }
  [[nodiscard]] const rules::QueuePlan& remote_plan() const { return remote_; }

 private:
  [[nodiscard]] rules::QueuePlan& plan(Lane lane) { return lane == Lane::local ? local_ : remote_; }
  [[nodiscard]] Deliverer& deliverer(Lane lane) { return lane == Lane::local ? world_.local : *world_.remote; }

  void adopt(const store::StoredMessage& message);
  void pump_soon();
  void pump();
  void start_due(Lane lane);
  void set_timer();

  [[nodiscard]] world::Task<> attempt(Lane lane, rules::QueuePlan::Work work);
  [[nodiscard]] world::Task<AttemptResult> carry_out(Lane lane, const rules::QueuePlan::Work& work,
                                                     store::LoadedMessage loaded, std::vector<std::uint32_t> open);
  [[nodiscard]] world::Task<> settle(Lane lane, rules::EntryId entry, store::StoredMessage message,
                                     AttemptResult result);
  [[nodiscard]] RoundEvent round_event(Lane lane, const store::StoredMessage& message, const RecipientResult& result);
  /// Queues the reports that are owed, however long the disk takes to allow it.
  [[nodiscard]] world::Task<> report(store::StoredMessage message, std::vector<RoundEvent> round);
  void defer_after_fault(Lane lane, rules::EntryId entry, const Error& error);
  [[nodiscard]] world::Task<> record(MessageId id, std::vector<store::Outcome> outcomes);
  [[nodiscard]] store::RecipientState next_state(const store::StoredMessage& message, const RecipientResult& result);
  void log_outcome(const store::StoredMessage& message, const RecipientResult& result,
                   const store::RecipientState& state);

  QueueWorld world_;
  QueueSettings settings_;
  rules::QueuePlan local_;
  rules::QueuePlan remote_;
  MonotonicTime started_;
  std::unordered_map<std::string, std::string> last_failures_;  ///< of destinations that could not be reached
  world::TimerId timer_ = world::TimerId::none;
  MonotonicTime timer_at_ = never;
  bool pump_posted_ = false;
  bool stopped_ = false;
  world::Event idle_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
