#include "store/outcome_plan.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace posthorn::store {

std::optional<OutcomeFacts> OutcomePlan::record(MessageId id, const std::vector<Outcome>& outcomes) {
  const auto* message = index_.find(id);
  if (message == nullptr) return std::nullopt;
  auto& finals = finals_of(id, *message);
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
  finals_of(id, *message);
  OutcomeFacts facts;
  for (const auto& outcome : outcomes) {
    if (outcome.recipient < message->count && message->recipients()[outcome.recipient].place == from) {
      facts.outcomes.push_back(outcome);
    }
  }
  return facts.outcomes.empty() ? std::nullopt : std::optional{std::move(facts)};
}

OutcomePlan::Finals& OutcomePlan::finals_of(MessageId id, const SpoolIndex::Message& message) {
  const auto [at, is_first] = planned_.try_emplace(id);
  if (is_first) {
    for (const auto& recipient : message.recipients()) at->second.push_back(recipient.is_final());
  }
  return at->second;
}

}  // namespace posthorn::store
