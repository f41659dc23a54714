#include "store/message_reader.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "base/planted_fault.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::uint64_t first_read = 1024;  // the facts of most messages
constexpr std::uint64_t stretch_octets = 128U << 10;
constexpr std::uint64_t farthest_neighbour = 8U << 10;  // octets from one record's start to the next's
constexpr int look_ups = 16;
constexpr RecordPlace nowhere{};

/// The state of this recipient of this message that a record holds, if any: its last word about it.
std::optional<RecipientState> state_in(const OutcomeFacts& facts, std::uint32_t recipient) {
  std::optional<RecipientState> state;
  for (const auto& outcome : facts.outcomes) {
    if (outcome.recipient == recipient) state = outcome.state;
  }
  return state;
}

std::optional<OutcomeFacts> outcomes_about(const RecordHeader& header, std::string_view facts, MessageId id) {
  if (header.type == RecordType::outcomes) {
    auto outcomes = read_outcomes(facts);
    return outcomes && header.id == id ? std::optional{*std::move(outcomes)} : std::nullopt;
  }
  auto message = read_message_brief(facts);
  const bool is_about = message && message->settles && message->settles->message == id;
  return is_about ? std::optional{std::move(message->settles->outcomes)} : std::nullopt;
}

}  // namespace

Result<ReadMessage> MessageReader::read(MessageId id, Part part) {
  for (int i = 0; i < look_ups; ++i) {
    const auto snapshot = look_up(id);
    if (!snapshot) return failure(Error::Kind::not_found, "the spool has no message " + id.to_string());
    auto message = read_at(id, *snapshot, part);
    if (message || message.error().kind != Error::Kind::corrupt) return message;
    if (!is_unchanged(id, *snapshot)) continue;  // it moved while it was read
    quarantine(id, *snapshot, message.error().text);
    return message;
  }
  return failure(Error::Kind::io, "the message moves faster than it can be read");
}

std::vector<std::pair<MessageId, ReadMessage>> MessageReader::read_after(MessageId id, std::size_t limit) {
  std::vector<std::pair<MessageId, ReadMessage>> found;
  found.reserve(limit);
  auto wanted = look_up_after(id, limit);
  while (found.empty() && !wanted.empty()) {
    Stretch stretch;
    for (auto at = wanted.begin(); at != wanted.end(); ++at) {
      const auto& [next, snapshot] = *at;
      if (at + 1 != wanted.end()) read_stretch(snapshot.message, (at + 1)->second.message, stretch);
      auto message = read_at(next, snapshot, Part::envelope, &stretch);
      if (!message) message = read(next, Part::envelope);  // it moved meanwhile, or is damaged
      if (message) found.emplace_back(next, *std::move(message));
    }
    if (found.empty()) wanted = look_up_after(wanted.back().first, limit);
  }
  return found;
}

// ---- the index ----

std::optional<MessageReader::Snapshot> MessageReader::look_up(MessageId id) {
  const std::lock_guard lock{state_.mutex};
  const auto* message = state_.index.find(id);
  if (message == nullptr || message->is_abandoned) return std::nullopt;
  return snapshot_of(*message);
}

std::vector<std::pair<MessageId, MessageReader::Snapshot>> MessageReader::look_up_after(MessageId id,
                                                                                        std::size_t limit) {
  const std::lock_guard lock{state_.mutex};
  std::vector<std::pair<MessageId, Snapshot>> found;
  const auto& all = state_.index.all();
  for (auto at = all.upper_bound(id); at != all.end() && found.size() < limit; ++at) {
    if (!at->second.is_abandoned) found.emplace_back(at->first, snapshot_of(at->second));
  }
  return found;
}

MessageReader::Snapshot MessageReader::snapshot_of(const SpoolIndex::Message& message) const {
  Snapshot snapshot{.message = place_of(message.place),
                    .record_octets = message.record_octets,
                    .changes = message.changes,
                    .is_damaged = message.is_damaged,
                    .recipients = message.count,
                    .moved = {}};
  for (std::uint32_t i = 0; i < message.count; ++i) {
    const auto& recipient = message.recipients()[i];
    if (recipient.place != message.place) snapshot.moved.push_back({i, recipient.live(), place_of(recipient.place)});
  }
  return snapshot;
}

MessageReader::Place MessageReader::place_of(RecordPlace at) const {
  const auto* segment = std::as_const(state_.segments).find(at.segment);
  ensure(segment != nullptr, "a live record stands in a known segment");
  return {at, segment->header};
}

bool MessageReader::is_unchanged(MessageId id, const Snapshot& snapshot) {
  const std::lock_guard lock{state_.mutex};
  const auto* message = state_.index.find(id);
  return message != nullptr && message->place == snapshot.message.at;
}

// ---- the log ----

Result<ReadMessage> MessageReader::read_at(MessageId id, const Snapshot& snapshot, Part part, const Stretch* stretch) {
  const auto wanted =
      part == Part::all ? snapshot.record_octets : std::min<std::uint64_t>(snapshot.record_octets, first_read);
  auto record = read_record(snapshot.message, wanted, stretch);
  if (!record) return failure(std::move(record).error());
  if (record->header.type != RecordType::message || record->header.id != id) {
    return failure(Error::Kind::corrupt, "another record stands in its place");
  }
  auto facts = read_message(record->facts());
  if (!facts) return failure(std::move(facts).error());
  if (facts->message.states.size() != snapshot.recipients) {
    return failure(Error::Kind::corrupt, "the stored message has lost recipients");
  }

  ReadMessage message{.facts = std::move(facts->message),
                      .content = {},
                      .content_checksum = record->header.content_checksum,
                      .is_damaged = snapshot.is_damaged,
                      .place = snapshot.message.at,
                      .changes = snapshot.changes};
  add_states(snapshot, id, message.facts.states);
  if (part == Part::all) check_content(id, snapshot, *record, message);
  return message;
}

bool MessageReader::Stretch::holds(std::uint32_t number, std::uint64_t from, std::uint64_t count) const {
  return number == segment && from >= offset && from + count <= offset + octets.size();
}

/// The start of a record without its content, for which nobody looks here.
std::string_view MessageReader::Stretch::facts_at(std::uint64_t from, std::uint64_t count) const {
  const auto start = std::string_view(octets).substr(from - offset, count);
  const auto header = decode_record_header(start);
  return header ? start.substr(0, record_header_octets + std::size_t{header->facts_octets}) : start;
}

/// What stands from a record on, when the next one stands close behind it and the stretch in hand does not reach it.
void MessageReader::read_stretch(const Place& from, const Place& next, Stretch& stretch) {
  const bool are_neighbours = next.at.segment == from.at.segment && next.at.offset > from.at.offset &&
                              next.at.offset - from.at.offset <= farthest_neighbour;
  if (!are_neighbours || stretch.holds(from.at.segment, from.at.offset, farthest_neighbour)) return;
  auto octets = read_octets(from, from.at.offset, stretch_octets);
  stretch = octets ? Stretch{from.at.segment, from.at.offset, *std::move(octets)} : Stretch{};
}

/// The record at this place: at least its facts, and up to `octets` of it.
Result<MessageReader::Record> MessageReader::read_record(const Place& place, std::uint64_t octets,
                                                         const Stretch* stretch) {
  const auto wanted = std::max<std::uint64_t>(octets, record_header_octets);
  const bool is_here = stretch != nullptr && stretch->holds(place.at.segment, place.at.offset, wanted);
  auto bytes =
      is_here ? std::string(stretch->facts_at(place.at.offset, wanted)) : read_octets(place, place.at.offset, wanted);
  if (!bytes) return failure(std::move(bytes).error());
  const auto header = decode_record_header(*bytes);
  if (!header || !belongs(*header, place.segment, place.at.offset)) {
    return failure(Error::Kind::corrupt, "no record stands in this place");
  }
  const auto needed = record_header_octets + std::uint64_t{header->facts_octets};
  if (bytes->size() < needed) {
    auto rest = read_octets(place, place.at.offset + bytes->size(), needed - bytes->size());
    if (!rest) return failure(std::move(rest).error());
    *bytes += *rest;
  }
  Record record{*header, *std::move(bytes)};
  const bool is_trusted = planted(PlantedFault::spool_checksum_ignored);
  if (record.octets.size() < needed || (!is_trusted && crc32c(record.facts()) != header->facts_checksum)) {
    return failure(Error::Kind::corrupt, "the facts of the record fail their checksum");
  }
  return record;
}

/// An error of a place in a file that can be read elsewhere is the place's: `corrupt`.
Result<std::string> MessageReader::read_octets(const Place& place, std::uint64_t offset, std::uint64_t octets) {
  auto file = folder_.open(place.at.segment);
  if (!file) return failure(std::move(file).error());
  std::string bytes;
  Result<std::size_t> size;
  bytes.resize_and_overwrite(static_cast<std::size_t>(octets), [&](char* room, std::size_t count) {
    for (int i = 0; i < read_tries && (i == 0 || !size); ++i) size = (*file)->read_at(offset, {room, count});
    return size.value_or(0);
  });
  if (!size) {
    std::string start(segment_header_octets, '\0');
    const bool only_here = size.error().kind == Error::Kind::io && (*file)->read_at(0, start).has_value();
    return failure(only_here ? Error::Kind::corrupt : size.error().kind, size.error().text);
  }
  return bytes;
}

void MessageReader::add_states(const Snapshot& snapshot, MessageId id, std::vector<RecipientState>& states) {
  RecordPlace last_place = nowhere;
  std::optional<OutcomeFacts> last;  // recipients of one message often share a record
  for (const auto& [recipient, live, place] : snapshot.moved) {
    if (place.at != std::exchange(last_place, place.at)) last = read_outcomes_at(place, id);
    // An outcome that cannot be read any more: what memory holds of it is the part that matters.
    const RecipientState remembered{.status = live.status,
                                    .report_due = live.report_due,
                                    .warned = live.warned,
                                    .attempts = live.attempts,
                                    .next_attempt = live.next_attempt};
    states[recipient] = (last ? state_in(*last, recipient) : std::nullopt).value_or(remembered);
  }
}

std::optional<OutcomeFacts> MessageReader::read_outcomes_at(const Place& place, MessageId id) {
  const auto record = read_record(place, first_read);
  return record ? outcomes_about(record->header, record->facts(), id) : std::nullopt;
}

void MessageReader::check_content(MessageId id, const Snapshot& snapshot, const Record& record, ReadMessage& message) {
  const auto at = static_cast<std::size_t>(record.header.content_offset());
  message.content = record.octets.size() < at ? std::string{} : record.octets.substr(at);
  const bool is_trusted = planted(PlantedFault::spool_checksum_ignored);
  if (message.content.size() == record.header.content_octets &&
      (is_trusted || crc32c(message.content) == record.header.content_checksum))
    return;
  if (!message.is_damaged) quarantine(id, snapshot, "the text of the message fails its checksum");
  message.is_damaged = true;
}

// ---- damage ----

void MessageReader::quarantine(MessageId id, const Snapshot& snapshot, std::string_view what) {
  {
    const std::lock_guard lock{state_.mutex};
    auto* message = state_.index.find(id);
    if (message != nullptr) message->is_damaged = true;
    ++state_.damaged_messages;
  }
  const auto& at = snapshot.message.at;
  const auto file = folder_.open(at.segment);
  if (file)
    quarantine_.keep_record(id, {**file, SegmentFolder::name_of(at.segment), at.offset, snapshot.record_octets}, what);
}

void MessageReader::body_is_bad(MessageId id, std::string_view what) {
  {
    const std::lock_guard lock{state_.mutex};
    auto* message = state_.index.find(id);
    if (message == nullptr || message->is_damaged) return;
    message->is_damaged = true;
    ++state_.damaged_messages;
  }
  quarantine_.keep_body(id, bodies_, what);
}

}  // namespace posthorn::store
