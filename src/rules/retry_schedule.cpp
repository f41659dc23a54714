#include "rules/retry_schedule.hpp"

#include "base/assert.hpp"
#include "rules/draws.hpp"

#include <algorithm>
#include <array>

namespace posthorn::rules {
namespace {

constexpr Duration longest_wait = std::chrono::days{365};  // keeps the sums below far from the end of the type
constexpr Duration shortest_named_wait = std::chrono::seconds{1};

Duration ordinary_wait(const RetrySettings& settings, unsigned attempts) {
  ensure(!settings.waits.empty(), "a retry schedule has a wait");
  const auto last = settings.waits.size() - 1;
  const auto at = attempts == 0 ? 0 : std::min<std::size_t>(attempts - 1, last);
  return std::clamp(settings.waits[at], Duration::zero(), longest_wait);
}

/// At most a quarter more.
Duration with_jitter(Duration wait, std::uint64_t random) {
  const auto quarter = static_cast<std::uint64_t>(wait.count() / 4);
  return wait + Duration{static_cast<Duration::rep>(Draws::share(random, quarter))};
}

struct Wait {
  Duration length;
  RetryRule rule;
};

Wait wait_for(const RetrySettings& settings, const Deferral& deferral) {
  const auto ordinary = ordinary_wait(settings, deferral.attempts);
  if (deferral.outcome_unknown) return {2 * ordinary, RetryRule::outcome_unknown};
  if (!deferral.named_wait) return {ordinary, RetryRule::schedule};
  const auto named =
      std::clamp(*deferral.named_wait, shortest_named_wait, std::max(settings.longest_named_wait, shortest_named_wait));
  // A peer that says "in a second" for ever would otherwise set our pace.
  const bool too_soon = named < ordinary && deferral.attempts > settings.short_named_waits;
  return too_soon ? Wait{ordinary, RetryRule::schedule} : Wait{named, RetryRule::named_by_peer};
}

}  // namespace

std::string_view name_of(RetryRule rule) {
  switch (rule) {
    case RetryRule::schedule:
      return "retry schedule";
    case RetryRule::named_by_peer:
      return "wait named by the server";
    case RetryRule::outcome_unknown:
      return "outcome unknown, twice the ordinary wait";
    case RetryRule::expiry:
      return "the message expires before the next attempt";
  }
  bug("a retry rule has a name");
}

NextStep next_step(const RetrySettings& settings, const Deferral& deferral, Duration age, std::uint64_t random) {
  const auto left = settings.expire - std::max(age, Duration::zero());
  if (left <= Duration::zero()) return {NextStep::Action::give_up, Duration::zero(), RetryRule::expiry};
  const auto [length, rule] = wait_for(settings, deferral);
  const auto wait = with_jitter(length, random);
  if (wait >= left) return {NextStep::Action::give_up, left, RetryRule::expiry};
  return {NextStep::Action::attempt, wait, rule};
}

Duration chance_in(const RetrySettings& settings, const Deferral& deferral, Duration whole) {
  const std::array lengths{wait_for(settings, deferral).length, 2 * ordinary_wait(settings, deferral.attempts)};
  for (const auto length : lengths) {
    if (whole >= length && whole - length <= length / 4) return whole - length;
  }
  return Duration::zero();
}

Duration wait_left(WallTime began, WallTime due, WallTime now) {
  if (due <= began || due <= now) return Duration::zero();
  const auto whole = std::min(due - began, std::chrono::duration_cast<WallClock::duration>(longest_wait));
  return std::min<WallClock::duration>(whole, due - now);
}

}  // namespace posthorn::rules
