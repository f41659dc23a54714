#include "service/report_rounds.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {

void ReportRounds::begin(rules::EntryId attempt, MonotonicTime now) {
  auto& open = open_[attempt.message];
  std::erase_if(open.owed, [&](const Owed& each) {
    return each.group == attempt.group && each.event.event.what == rules::RecipientEvent::What::deferred;
  });
  if (open.owed.empty() || now - open.since <= patience_) open.awaited.push_back(attempt.group);
}

void ReportRounds::add(rules::EntryId attempt, const store::StoredMessage& message, std::vector<RoundEvent> owed,
                       MonotonicTime now) {
  if (owed.empty()) return;
  auto& open = open_[attempt.message];
  if (open.owed.empty()) open.since = now;
  if (!open.message) open.message = message;
  for (auto& event : owed) open.owed.push_back({attempt.group, std::move(event)});
}

std::optional<ReportRounds::Round> ReportRounds::end(rules::EntryId attempt) {
  const auto found = open_.find(attempt.message);
  if (found == open_.end()) return std::nullopt;
  auto& open = found->second;
  std::erase(open.awaited, attempt.group);
  if (!open.awaited.empty()) return std::nullopt;
  std::optional<Round> round;
  if (!open.owed.empty()) {
    round = Round{.message = std::move(*open.message), .events = {}, .is_shared = false};
    round->is_shared = std::ranges::any_of(open.owed, [&](const Owed& each) { return each.group != attempt.group; });
    for (auto& each : open.owed) round->events.push_back(std::move(each.event));
  }
  open_.erase(found);
  return round;
}

}  // namespace posthorn::service
