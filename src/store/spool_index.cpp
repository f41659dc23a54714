#include "store/spool_index.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <limits>

namespace posthorn::store {
namespace {

std::uint32_t to_seconds(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, std::numeric_limits<std::uint32_t>::max()));
}

Segment& segment_at(SegmentTable& segments, RecordPlace place) {
  auto* segment = segments.find(place.segment);
  ensure(segment != nullptr, "a live record stands in a known segment");
  return *segment;
}

void copy_state(SpoolIndex::Recipient& recipient, const LiveRecipient& state) {
  recipient.status = state.status;
  recipient.report_due = state.report_due;
  recipient.warned = state.warned;
  recipient.attempts = state.attempts;
  recipient.next_attempt = to_seconds(state.next_attempt);
}

}  // namespace

bool SpoolIndex::Recipient::is_final() const {
  return status != RecipientStatus::queued && status != RecipientStatus::held && !report_due;
}

LiveRecipient SpoolIndex::Recipient::live() const {
  return {status, report_due, warned, attempts, WallTime{std::chrono::seconds{next_attempt}}};
}

void SpoolIndex::put(MessageId id, RecordPlace place, std::uint32_t record_octets, const MessageBrief& brief) {
  const auto known = messages_.size();
  auto& message = messages_.try_emplace(messages_.end(), id)->second;
  if (messages_.size() == known) release(message, true);

  message.place = place;
  message.record_octets = record_octets;
  ++message.changes;
  message.arrival = brief.arrival;
  message.octets = brief.octets;
  message.has_body_file = brief.has_body_file;
  message.count = static_cast<std::uint32_t>(brief.recipients.size());
  message.further = message.count > 1 ? std::make_unique<Recipient[]>(message.count) : nullptr;
  for (std::size_t i = 0; i < message.count; ++i) {
    copy_state(message.recipients()[i], brief.recipients[i]);
    ++counts_[static_cast<std::size_t>(brief.recipients[i].status)];
    message.recipients()[i].place = place;
  }

  auto& segment = segment_at(segments_, place);
  ++segment.live_messages;
  segment.live_octets += record_octets;
}

bool SpoolIndex::apply(MessageId id, RecordPlace place, const OutcomeFacts& outcomes) {
  auto& segment = segment_at(segments_, place);
  if (outcomes.finishes) {
    ++segment.finishes;
    segments_.add_covers(segment, outcomes.covers);
    return erase(id);
  }
  auto* message = find(id);
  if (message == nullptr) return false;
  ++message->changes;
  for (const auto& outcome : outcomes.outcomes) {
    if (outcome.recipient >= message->count) continue;
    set_state(*message, message->recipients()[outcome.recipient], brief_of(outcome.state), place);
  }
  return false;
}

void SpoolIndex::set_state(Message& message, Recipient& recipient, const LiveRecipient& state, RecordPlace place) {
  if (recipient.place != message.place) --segment_at(segments_, recipient.place).live_outcomes;
  --counts_[static_cast<std::size_t>(recipient.status)];
  copy_state(recipient, state);
  ++counts_[static_cast<std::size_t>(recipient.status)];
  recipient.place = place;
  ++segment_at(segments_, place).live_outcomes;
}

bool SpoolIndex::erase(MessageId id) {
  const auto found = messages_.find(id);
  if (found == messages_.end()) return false;
  release(found->second, false);
  const bool had_body_file = found->second.has_body_file;
  messages_.erase(found);
  return had_body_file;
}

/// The records of the message no longer count.
void SpoolIndex::release(Message& message, bool leaves_stale_copy) {
  auto& segment = segment_at(segments_, message.place);
  ensure(segment.live_messages > 0 && segment.live_octets >= message.record_octets,
         "what is counted in a segment stands in it");
  --segment.live_messages;
  segment.live_octets -= message.record_octets;
  if (leaves_stale_copy) segment.holds_stale_copies = true;
  for (const auto& recipient : message.recipients()) {
    --counts_[static_cast<std::size_t>(recipient.status)];
    if (recipient.place != message.place) --segment_at(segments_, recipient.place).live_outcomes;
  }
}

SpoolIndex::Message* SpoolIndex::find(MessageId id) {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

const SpoolIndex::Message* SpoolIndex::find(MessageId id) const {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

LiveMessage SpoolIndex::describe(MessageId id, const Message& message) {
  LiveMessage described{.id = id, .arrival = message.arrival, .octets = message.octets};
  described.recipients.reserve(message.count);
  for (const auto& recipient : message.recipients()) described.recipients.push_back(recipient.live());
  return described;
}

std::vector<LiveMessage> SpoolIndex::after(MessageId id, std::size_t limit) const {
  std::vector<LiveMessage> messages;
  for (auto at = messages_.upper_bound(id); at != messages_.end() && messages.size() < limit; ++at) {
    if (!at->second.is_abandoned) messages.push_back(describe(at->first, at->second));
  }
  return messages;
}

}  // namespace posthorn::store
