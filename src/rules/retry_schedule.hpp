// When a deferred message is tried again, and when it is given up. The waits are [queue] retry's, one per failed attempt,
// the last one repeated; a wait that the peer's 4yz named is obeyed; an unknown outcome waits twice the ordinary time.
// Chance is added on top, at most a quarter. Ages run by even time only: no jump of the calendar makes a message expire, and
// the time during which the server was not running does not count (FAULTS F32, I11).
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace posthorn::rules {

struct RetrySettings {
  std::vector<Duration> waits{std::chrono::minutes{5}, std::chrono::minutes{10}, std::chrono::minutes{20},
                              std::chrono::minutes{40}, std::chrono::hours{1}};  ///< at least one
  Duration expire = std::chrono::days{5};
  Duration longest_named_wait = std::chrono::days{1};  ///< a peer that names more is held to this
  unsigned short_named_waits = 5;  ///< so many attempts a peer may call back sooner than the schedule would
};

/// How one attempt ended in "later".
struct Deferral {
  unsigned attempts = 1;                 ///< failed ones, this one included
  bool outcome_unknown = false;          ///< the connection was lost after the final dot
  std::optional<Duration> named_wait{};  ///< from the reply, see named_wait()
};

/// Which rule set the next time: shown to the operator.
enum class RetryRule : std::uint8_t {
  schedule,         ///< [queue] retry
  named_by_peer,    ///< the reply named a wait
  outcome_unknown,  ///< twice the ordinary wait
  expiry,           ///< the message ends before the next attempt would come
};

/// "retry schedule", "wait named by the server", …
[[nodiscard]] std::string_view name_of(RetryRule rule);

struct NextStep {
  enum class Action : std::uint8_t {
    attempt,
    give_up,  ///< its life is over then: it expires
  };
  Action action = Action::attempt;
  Duration wait{};
  RetryRule rule = RetryRule::schedule;

  bool operator==(const NextStep&) const = default;
};

/// What comes after a deferral, `age` into the message's life. A message is given up when its life is over and not before;
/// an attempt that would come later than that is not made. `random` is a whole random number.
[[nodiscard]] NextStep next_step(const RetrySettings& settings, const Deferral& deferral, Duration age,
                                 std::uint64_t random);

/// Of a whole wait that next_step() has set after this deferral, the part that chance added: an attempt at the same hosts
/// within that part comes at the message's own time. None if the wait is not of these settings. An outcome that is unknown
/// need not be said.
[[nodiscard]] Duration chance_in(const RetrySettings& settings, const Deferral& deferral, Duration whole);

/// The wait that a 4yz reply names, or none: "try again in 300 seconds", "Greylisted for 5 minutes", "come back in
/// 00:05:00", "retry=120". Words without a number, and numbers that are not waits, name none. At most ten years.
[[nodiscard]] std::optional<Duration> named_wait(std::string_view reply_text);

/// Whether a 4yz reply asks us to come back later, by a time that it names or by the word: another host of the same domain
/// would say the same, and begin to count anew.
[[nodiscard]] bool is_greylisting(std::string_view reply_text);

/// How long a message has waited, by even-running time.
struct MessageAge {
  Duration known{};       ///< what its last record in the spool says; 0 for a new message or an old one without records
  MonotonicTime since{};  ///< when `known` held: its arrival, or the start of this process

  [[nodiscard]] Duration at(MonotonicTime now) const { return now > since ? known + (now - since) : known; }
};

/// After a restart: what is left of a wait, read from calendar times that were recorded when it began. Never less than
/// nothing, never more than the whole wait, wherever the calendar has jumped to.
[[nodiscard]] Duration wait_left(WallTime began, WallTime due, WallTime now);

}  // namespace posthorn::rules
