#include "rules/send_rules.hpp"

#include "base/assert.hpp"
#include "rules/retry_schedule.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace posthorn::rules {
namespace {

using Kind = smtp::Outcome::Kind;
using Reason = smtp::SessionEnd::Reason;

bool has(const SendReport& report, Kind kind) {
  return std::ranges::any_of(report.outcomes, [kind](const auto& outcome) { return outcome.kind == kind; });
}

bool all_delivered(const SendReport& report) {
  return std::ranges::all_of(report.outcomes, [](const auto& outcome) { return outcome.kind == Kind::delivered; });
}

/// What the end of a conversation means for those who were not decided by a reply.
SendVerdict verdict_on(const smtp::SessionEnd& end) {
  switch (end.reason) {
    case Reason::finished:
    case Reason::refused_for_now:
      return SendVerdict::later;
    case Reason::refused_for_good:
      return end.step == smtp::Step::auth ? SendVerdict::login_refused : SendVerdict::refused;
    case Reason::connection_lost:
    case Reason::timed_out:
      return SendVerdict::lost;
    case Reason::protocol_error:
      return SendVerdict::protocol;
    case Reason::tls_failed:
    case Reason::tls_not_offered:
      return SendVerdict::no_tls;
    case Reason::no_authentication:
      return SendVerdict::login_refused;
    case Reason::message_failed:
      return SendVerdict::unreadable;
  }
  bug("a session ended for a reason");
}

std::string words_of(unsigned code, const std::string& text) {
  return code == 0 ? text : fmt::format("{} {}", code, text);
}

}  // namespace

SendVerdict verdict_on(const SendReport& report) {
  if (!report.unreadable.empty()) return SendVerdict::unreadable;
  if (!report.unreachable.empty()) return SendVerdict::unreachable;
  if (all_delivered(report)) return SendVerdict::delivered;
  if (report.end) {
    const auto by_end = verdict_on(*report.end);
    if (by_end != SendVerdict::later) return by_end;
  }
  return has(report, Kind::permanent) ? SendVerdict::refused : SendVerdict::later;
}

bool has_waiting(const SendReport& report) {
  return std::ranges::any_of(report.outcomes, [](const auto& outcome) {
    return outcome.kind != Kind::delivered && outcome.kind != Kind::permanent;
  });
}

std::string last_words(const SendReport& report) {
  if (!report.unreadable.empty()) return report.unreadable;
  if (!report.unreachable.empty()) return report.unreachable;
  const auto said = [](const auto& outcome) { return outcome.kind != Kind::delivered && outcome.code != 0; };
  const auto found = std::ranges::find_if(report.outcomes, said);
  if (found != report.outcomes.end()) return words_of(found->code, found->text);
  if (report.end) return words_of(report.end->code, report.end->text);
  const auto any =
      std::ranges::find_if(report.outcomes, [](const auto& outcome) { return outcome.kind != Kind::delivered; });
  return any == report.outcomes.end() ? std::string{} : words_of(any->code, any->text);
}

std::string refusal(const SendReport& report) {
  const auto found = std::ranges::find(report.outcomes, Kind::permanent, &smtp::Outcome::kind);
  return found == report.outcomes.end() ? std::string{} : words_of(found->code, found->text);
}

std::optional<Duration> next_wait(const SendRetrySettings& settings, std::string_view last_words, Duration age) {
  if (age >= settings.expire) return std::nullopt;
  auto wait = settings.usual_wait;
  if (const auto named = named_wait(last_words)) wait = std::min(*named, settings.longest_named_wait);
  if (settings.retry_after) wait = *settings.retry_after;
  return std::min(std::max(wait, settings.shortest_wait), settings.expire - age);
}

}  // namespace posthorn::rules
