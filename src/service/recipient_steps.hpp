// How the state of one recipient changes: after an attempt, and when an operator asks. Values in, values out; nothing is
// recorded here. An operator's word that came while an attempt was under way stands, but for a success: mail that was
// taken is delivered, whatever was asked meanwhile (docs/spool_format.md lists the steps that are legal).
//
//            hold                 attempt
//   held <---------- queued ------------------> delivered, failed
//     |  ----------> |  ^ |        deferred, retry
//     |   release    |  +-+
//     |              |
//     +--------------+---- remove ------------> removed
//     +--------------+---- expire ------------> failed (at the end of the attempt that is under way)
#pragma once

#include "rules/retry_schedule.hpp"
#include "service/delivery.hpp"
#include "store/spool_types.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace posthorn::service {

/// The time as a change of state sees it.
struct StepTime {
  WallTime wall{};
  std::chrono::microseconds known{};  ///< how long the state has been known, evenly: the most by which an age can grow
  bool is_exact = false;              ///< it came about in this process, so that the calendar need not be asked
};

/// What is known beside the state itself.
struct StepFacts {
  WallTime arrival{};
  StepTime time{};
};

struct AttemptStep {
  store::RecipientState state{};
  rules::RetryRule rule = rules::RetryRule::schedule;  ///< what set the next time, where it waits
  bool is_expired = false;                             ///< failed because its life is over
  bool is_overruled = false;                           ///< an operator had removed it: the state is as it was
  std::optional<WallTime> last_attempt{};              ///< none: there was none, or nobody knows when
};

/// The wait of a queued recipient ends with its life, not with an attempt: the next one would have come later (I12).
[[nodiscard]] bool waits_for_its_end(const store::RecipientState& state, Duration expire);

/// Failed because its life is over, as far as the state tells.
[[nodiscard]] bool has_expired(const store::RecipientState& state);

/// When the last attempt ended; none: there was none, or an operator has come since, who leaves a later time.
[[nodiscard]] std::optional<WallTime> last_attempt_of(const store::RecipientState& state);

/// How old a recipient's message is now, while it waits.
[[nodiscard]] std::chrono::seconds age_of(store::RecipientState state, const StepFacts& facts);

/// `before` is the newest state, which an operator may have changed since the attempt began.
[[nodiscard]] AttemptStep after_attempt(const store::RecipientState& before, const StepFacts& facts,
                                        const RecipientResult& result, const rules::RetrySettings& retry,
                                        std::uint64_t random);

enum class OperatorAction : std::uint8_t { hold, release, retry, remove, expire };

/// "hold", "release", …; and what it makes of a recipient: "held", "released", ….
[[nodiscard]] std::string_view name_of(OperatorAction action);
[[nodiscard]] std::string_view past_of(OperatorAction action);
[[nodiscard]] std::optional<OperatorAction> action_named(std::string_view name);

/// The new state, or none: it stays as it is. `is_running`: an attempt is under way. An expiry is then made durable as an
/// age that is over, so that whatever ends the attempt but a success, a crash included, is followed by the failure.
[[nodiscard]] std::optional<store::RecipientState> after_action(OperatorAction action,
                                                                const store::RecipientState& before,
                                                                const StepFacts& facts, Duration expire,
                                                                bool is_running);

}  // namespace posthorn::service
