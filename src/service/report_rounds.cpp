#include "service/report_rounds.hpp"

#include <utility>

namespace posthorn::service {
namespace {

bool is_delay(const RoundEvent& each) { return each.event.what == rules::RecipientEvent::What::deferred; }

}  // namespace

void ReportRounds::begin(rules::EntryId attempt, MonotonicTime now) {
  auto& open = open_[attempt.message];
  if (const auto before = open.owed.find(attempt.group); before != open.owed.end()) {
    std::erase_if(before->second, is_delay);
    if (before->second.empty()) open.owed.erase(before);
  }
  if (open.owed.empty() || now - open.since <= patience_) open.awaited.insert(attempt.group);
}

void ReportRounds::add(rules::EntryId attempt, const store::StoredMessage& message, std::vector<RoundEvent> owed,
                       MonotonicTime now) {
  if (owed.empty()) return;
  auto& open = open_[attempt.message];
  if (open.owed.empty()) open.since = now;
  if (!open.message) open.message = message;
  auto& of_group = open.owed[attempt.group];
  for (auto& event : owed) of_group.push_back(std::move(event));
}

std::optional<ReportRounds::Round> ReportRounds::end(rules::EntryId attempt) {
  const auto found = open_.find(attempt.message);
  if (found == open_.end()) return std::nullopt;
  auto& open = found->second;
  open.awaited.erase(attempt.group);
  if (!open.awaited.empty()) return std::nullopt;
  std::optional<Round> round;
  if (!open.owed.empty()) {
    const bool is_shared = open.owed.size() > 1 || !open.owed.contains(attempt.group);
    round = Round{.message = std::move(*open.message), .events = {}, .is_shared = is_shared};
    for (auto& [group, events] : open.owed) {
      for (auto& event : events) round->events.push_back(std::move(event));
    }
  }
  open_.erase(found);
  return round;
}

}  // namespace posthorn::service
