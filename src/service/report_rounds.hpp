// ReportRounds: keeps what a sender is to be told until the attempts at the message that are under way have ended, so that
// one report tells all of it (I9). What is kept here is durable already; a crash loses none of it.
// A report waits for attempts that had begun, and for no attempt twice; those that begin when it has waited for `patience`
// are left to the next. Bounded by what is under way. A machine: the time goes in.
#pragma once

#include "base/time.hpp"
#include "rules/queue_plan.hpp"
#include "service/reporter.hpp"
#include "store/spool_types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace posthorn::service {

class ReportRounds {
 public:
  /// What is to be told in one report.
  struct Round {
    store::StoredMessage message;    ///< as one of the attempts left it
    std::vector<RoundEvent> events;  ///< of a recipient one at most
    bool is_shared = false;          ///< they are of several attempts
  };

  explicit ReportRounds(Duration patience) : patience_(patience) {}

  /// An attempt begins; its end() follows. That its recipients wait is not told any more: the attempt will show.
  void begin(rules::EntryId attempt, MonotonicTime now);
  /// What came of an attempt that is under way, and is owed to the sender.
  void add(rules::EntryId attempt, const store::StoredMessage& message, std::vector<RoundEvent> owed,
           MonotonicTime now);
  /// The attempt has ended. None: nothing is to be told, or others will. An attempt that has ended may end again.
  [[nodiscard]] std::optional<Round> end(rules::EntryId attempt);

  /// Messages with attempts under way.
  [[nodiscard]] std::size_t size() const { return open_.size(); }

 private:
  struct Open {
    std::set<std::uint32_t> awaited;                        // groups
    std::map<std::uint32_t, std::vector<RoundEvent>> owed;  // by group; none is empty
    std::optional<store::StoredMessage> message;
    MonotonicTime since{};  // of the first that is owed
  };

  Duration patience_;
  std::unordered_map<MessageId, Open> open_;
};

}  // namespace posthorn::service
