#include "service/recipient_steps.hpp"

#include "base/assert.hpp"
#include "base/planted_fault.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace posthorn::service {
namespace {

using What = RecipientResult::What;
using Status = store::RecipientStatus;
using std::chrono::seconds;

/// From one whole second of the calendar to the next: what waits in parts of seconds adds up, and is never counted too long.
seconds whole_seconds(const store::RecipientState& state, const StepFacts& facts) {
  const auto began = state.changed != WallTime{} ? std::chrono::floor<seconds>(state.changed)
                                                 : std::chrono::ceil<seconds>(facts.arrival);
  return std::max(std::chrono::floor<seconds>(facts.time.wall) - began, seconds{0});
}

/// FAULTS F32: the age grows by even time; where a restart came between, by the calendar, but never by more than this process
/// has run. Where both agree, the calendar's seconds count.
void grow(store::RecipientState& state, const StepFacts& facts) {
  const auto began = state.changed != WallTime{} ? state.changed : facts.arrival;
  if (planted(PlantedFault::queue_expires_by_the_calendar)) {
    state.age += std::chrono::duration_cast<seconds>(facts.time.wall - began);
    state.changed = facts.time.wall;
    return;
  }
  const auto passed = facts.time.wall - began;
  const auto by_calendar = std::clamp(passed, std::chrono::microseconds{0}, facts.time.known);
  const auto waited = facts.time.is_exact ? facts.time.known : by_calendar;
  const bool agree = passed - waited < seconds{1} && waited - passed < seconds{1};
  state.age += agree ? whole_seconds(state, facts) : std::chrono::duration_cast<seconds>(waited);
  state.changed = facts.time.wall;
}

void count_attempt(store::RecipientState& state) {
  constexpr auto most = std::numeric_limits<decltype(state.attempts)>::max();
  if (state.attempts < most) ++state.attempts;
}

void note_words(store::RecipientState& state, const RecipientResult& result) {
  state.status_code = result.status_code;
  state.reply = result.reply;
  state.remote_host = result.remote_host;
}

/// I11: not before its life is over. Until then it waits.
bool is_over(const rules::NextStep& next) {
  return next.action == rules::NextStep::Action::give_up && next.wait <= Duration::zero();
}

void give_up(AttemptStep& step) {
  step.state.status = Status::failed;
  // FAULTS F15: that the mailbox was full to the end says more than that the time is over.
  step.state.status_code = step.state.status_code == "4.2.2" ? "5.2.2" : "5.4.7";
  step.is_expired = true;
}

/// Ages count whole seconds: one more, so that it is over then. On a whole second of the calendar, so that the recipients of a
/// message, which wait each by itself, end together and one report tells of them.
WallTime end_of_life(WallTime now, Duration left) {
  return std::chrono::floor<seconds>(now) + std::chrono::ceil<seconds>(left) + seconds{1};
}

void wait_again(AttemptStep& step, const RecipientResult& result, const rules::RetrySettings& retry,
                const StepFacts& facts, std::uint64_t random) {
  auto& state = step.state;
  count_attempt(state);
  if (result.what == What::unknown) ++state.ambiguous;
  const rules::Deferral deferral{.attempts = state.attempts,
                                 .outcome_unknown = result.what == What::unknown,
                                 .named_wait = rules::named_wait(result.reply)};
  auto next = rules::next_step(retry, deferral, state.age, random);
  if (planted(PlantedFault::queue_tries_again_at_once)) next.wait = Duration{};
  if (planted(PlantedFault::queue_gives_up_too_early)) next = {rules::NextStep::Action::give_up, Duration{}};
  step.rule = next.rule;
  state.next_attempt = next.action == rules::NextStep::Action::give_up
                           ? end_of_life(facts.time.wall, next.wait)
                           : facts.time.wall + std::chrono::ceil<std::chrono::microseconds>(next.wait);
  // What is held has no end of its own.
  if (is_over(next) && state.status != Status::held) give_up(step);
}

/// The plan says that its life is over. A calendar that was set back meanwhile has kept it younger: then it waits on.
void end_life(AttemptStep& step, const store::RecipientState& before, const rules::RetrySettings& retry,
              const StepFacts& facts) {
  auto& state = step.state;
  const auto left = retry.expire - Duration{state.age};
  step.rule = rules::RetryRule::expiry;
  if (left <= Duration::zero()) {
    if (state.status != Status::held) give_up(step);
    return;
  }
  // Of a state that rotted only the time is left that it had named, by another calendar perhaps.
  const bool is_lost = before.changed == WallTime{} && before.next_attempt != WallTime{};
  if (is_lost || waits_for_its_end(before, retry.expire)) {
    state.next_attempt = end_of_life(facts.time.wall, left);
    return;
  }
  const auto wait = rules::wait_left(before.changed, before.next_attempt, facts.time.wall);
  state.next_attempt = facts.time.wall + std::chrono::ceil<std::chrono::microseconds>(wait);
}

}  // namespace

bool waits_for_its_end(const store::RecipientState& state, Duration expire) {
  if (state.changed == WallTime{}) return false;  // never tried
  return state.age + (state.next_attempt - state.changed) >= expire;
}

bool has_expired(const store::RecipientState& state) {
  if (state.status != Status::failed) return false;
  const auto& code = state.status_code;
  // A server that says so itself refuses; the last words before an expiry were "later". Old spools have 4.4.7.
  return code.starts_with('4') || ((code == "5.4.7" || code == "5.2.2") && !state.reply.starts_with('5'));
}

std::optional<WallTime> last_attempt_of(const store::RecipientState& state) {
  if (state.attempts == 0 || state.status == Status::held || has_expired(state)) return std::nullopt;
  if (state.status == Status::queued && state.next_attempt <= state.changed) return std::nullopt;
  return state.changed;
}

seconds age_of(store::RecipientState state, const StepFacts& facts) {
  grow(state, facts);
  return state.age;
}

AttemptStep after_attempt(const store::RecipientState& before, const StepFacts& facts, const RecipientResult& result,
                          const rules::RetrySettings& retry, std::uint64_t random) {
  AttemptStep step{.state = before};
  if (before.status != Status::queued && before.status != Status::held) {
    step.is_overruled = true;
    return step;
  }
  if (before.status == Status::queued) grow(step.state, facts);
  step.last_attempt = result.what == What::expired ? last_attempt_of(before) : facts.time.wall;
  note_words(step.state, result);
  switch (result.what) {
    case What::delivered:
      count_attempt(step.state);
      step.state.status = Status::delivered;
      break;
    case What::failed:
      count_attempt(step.state);
      step.state.status = Status::failed;
      break;
    case What::deferred:
    case What::unknown:
      wait_again(step, result, retry, facts, random);
      break;
    case What::expired:
      end_life(step, before, retry, facts);
      break;
  }
  return step;
}

namespace {

struct ActionName {
  OperatorAction action;
  std::string_view name;
  std::string_view past;
};

constexpr std::array action_names{
    ActionName{OperatorAction::hold, "hold", "held"},        ActionName{OperatorAction::release, "release", "released"},
    ActionName{OperatorAction::retry, "retry", "retried"},   ActionName{OperatorAction::remove, "remove", "removed"},
    ActionName{OperatorAction::expire, "expire", "expired"},
};

const ActionName& names_of(OperatorAction action) {
  const auto* found = std::ranges::find(action_names, action, &ActionName::action);
  ensure(found != action_names.end(), "every action has a name");
  return *found;
}

void expire_now(store::RecipientState& state) {
  state.status = Status::failed;
  state.status_code = "5.4.7";
  if (state.reply.empty()) state.reply = "the administrator ended its time";
}

void expire_after_attempt(store::RecipientState& state, WallTime now, Duration expire) {
  state.status = Status::queued;
  state.age = std::max(state.age, std::chrono::ceil<seconds>(expire));
  state.next_attempt = now;
}

}  // namespace

std::string_view name_of(OperatorAction action) { return names_of(action).name; }

std::string_view past_of(OperatorAction action) { return names_of(action).past; }

std::optional<OperatorAction> action_named(std::string_view name) {
  const auto* found = std::ranges::find(action_names, name, &ActionName::name);
  return found == action_names.end() ? std::nullopt : std::optional{found->action};
}

std::optional<store::RecipientState> after_action(OperatorAction action, const store::RecipientState& before,
                                                  const StepFacts& facts, Duration expire, bool is_running) {
  const bool is_held = before.status == Status::held;
  if (!is_held && before.status != Status::queued) return std::nullopt;
  const bool only_held = action == OperatorAction::release;
  const bool only_queued = action == OperatorAction::hold || action == OperatorAction::retry;
  if ((only_held && !is_held) || (only_queued && is_held)) return std::nullopt;

  auto state = before;
  // The time on hold is not the message's.
  if (!is_held) grow(state, facts);
  state.changed = facts.time.wall;
  switch (action) {
    case OperatorAction::hold:
      state.status = Status::held;
      break;
    case OperatorAction::release:
    case OperatorAction::retry:
      state.status = Status::queued;
      state.next_attempt = facts.time.wall;
      break;
    case OperatorAction::remove:
      state.status = Status::removed;
      break;
    case OperatorAction::expire:
      is_running ? expire_after_attempt(state, facts.time.wall, expire) : expire_now(state);
      break;
  }
  return state;
}

}  // namespace posthorn::service
