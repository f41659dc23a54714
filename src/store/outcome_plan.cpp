#include "store/outcome_plan.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace posthorn::store {

std::optional<OutcomeFacts> OutcomePlan::record(MessageId id, const std::vector<Outcome>& outcomes) {
  const auto* message = index_.find(id);
  if (message == nullptr) return std::nullopt;
  const auto [at, is_first] = planned_.try_emplace(id);
  auto& finals = at->second;
  if (is_first) {
    for (const auto& recipient : message->recipients()) finals.push_back(recipient.is_final());
  }

  OutcomeFacts facts;
  for (const auto& outcome : outcomes) {
    if (outcome.recipient >= finals.size() || finals[outcome.recipient]) continue;
    finals[outcome.recipient] = outcome.state.is_final();
    facts.outcomes.push_back(outcome);
  }
  if (facts.outcomes.empty()) return std::nullopt;
  facts.finishes = std::ranges::all_of(finals, [](bool final) { return final; });
  if (facts.finishes) {
    const auto* segment = segments_.find(message->place.segment);
    ensure(segment != nullptr, "a live message stands in a known segment");
    facts.covers = segments_.generations_of(*segment);
  }
  return facts;
}

std::optional<OutcomeFacts> OutcomePlan::restate(MessageId id, const std::vector<Outcome>& outcomes, RecordPlace from) {
  const auto* message = index_.find(id);
  if (message == nullptr || touches(id)) return std::nullopt;
  planned_.try_emplace(id);
  OutcomeFacts facts;
  for (const auto& outcome : outcomes) {
    if (outcome.recipient < message->count && message->recipients()[outcome.recipient].place == from) {
      facts.outcomes.push_back(outcome);
    }
  }
  return facts.outcomes.empty() ? std::nullopt : std::optional{std::move(facts)};
}

}  // namespace posthorn::store
