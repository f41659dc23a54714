#include "store/spool_core.hpp"

#include "base/crc32c.hpp"
#include "base/planted_fault.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::size_t host_limit = 255;
constexpr std::size_t status_limit = 15;

Result<std::unique_ptr<world::Folder>> open_or_make(world::Folder& parent, std::string_view name) {
  auto folder = parent.open_folder(name);
  if (folder || folder.error().kind != Error::Kind::not_found) return folder;
  if (auto made = parent.make_folder(name, 0700); !made) return failure(std::move(made).error());
  if (auto synced = parent.sync(); !synced) {
    (void)parent.remove(name, true);  // a second sync would prove nothing about this name
    return failure(std::move(synced).error());
  }
  return parent.open_folder(name);
}

/// F14: what others may read is worth a word.
void warn_if_open_to_others(world::Folder& folder, world::Log& log) {
  const auto facts = folder.facts();
  if (!facts || (facts->mode & 077) == 0) return;
  log.warning("spool.readable_by_others",
              {{"file", folder.path()}, {"mode", fmt::format("{:04o}", facts->mode)}, {"what_to_do", "chmod 0700"}});
}

void cut(RecipientState& state, std::size_t reply_limit) {
  state.reply.resize(std::min(state.reply.size(), reply_limit));
  state.remote_host.resize(std::min(state.remote_host.size(), host_limit));
  state.status_code.resize(std::min(state.status_code.size(), status_limit));
}

/// The record of a message but for its settlement.
MessagePart encode(const MessageFacts& facts) {
  MessagePart part;
  ByteWriter out{std::string(record_header_octets, '\0')};
  put_message(out, facts);
  part.record = out.take();
  part.facts_checksum = crc32c(std::string_view(part.record).substr(record_header_octets));
  part.brief = {facts.arrival, facts.octets, facts.body_file.has_value(), {}};
  for (const auto& state : facts.states) part.brief.recipients.push_back(brief_of(state));
  return part;
}

// A segment that holds less is one of a very small file system, or of a test that looks at the disk.
constexpr std::size_t least_kept_fresh = 1U << 20;
constexpr std::size_t most_kept_fresh = 16U << 20;

/// What is kept in memory of what was stored a moment ago: as much as one segment holds.
std::size_t fresh_octets(const SpoolSettings& settings) {
  return settings.segment_octets < least_kept_fresh ? 0
                                                    : std::min<std::size_t>(settings.segment_octets, most_kept_fresh);
}

}  // namespace

SpoolCore::SpoolCore(const SpoolWorld& given_world, const SpoolSettings& fitted, SpoolPlace found,
                     std::unique_ptr<world::Folder> bodies_folder, std::unique_ptr<world::Folder> corrupt_folder)
    : world(given_world),
      settings(fitted),
      place(std::move(found)),
      folder(*place.spool),
      supply(state, folder, settings, place.identity.id),
      bodies(std::make_shared<BodyFiles>(std::move(bodies_folder), world.readers, settings.body_block_octets)),
      quarantine(std::move(corrupt_folder), world.log),
      reader(state, folder, *bodies, quarantine),
      front(world.commit_worker),
      writer({state, folder, supply, front, settings, world, [this](std::vector<MessageId> ids) { remove_bodies(ids); },
              [this] { need(); }}),
      recovery(state, folder, {.quarantine = &quarantine}),
      fresh(fresh_octets(settings)) {
  front.attach([this](SpoolFront::Items items) { writer.write(std::move(items)); },
               [this](const SpoolItem& item) {
                 if (planted(PlantedFault::spool_abandoned_message_kept)) return;
                 remove_for_good(item.id);
               },
               [this](SpoolItem& item) { keep_fresh(item); });
}

// ---- opening ----

Result<std::shared_ptr<SpoolCore>> SpoolCore::open(const SpoolWorld& world, const SpoolSettings& settings) {
  auto place = open_spool_place(settings, world.disk, world.random);
  if (!place) return failure(std::move(place).error());
  warn_if_open_to_others(*place->spool, world.log);
  auto bodies = open_or_make(*place->spool, bodies_folder_name);
  if (!bodies) return failure(std::move(bodies).error());
  auto corrupt = open_or_make(*place->spool, corrupt_folder_name);
  if (!corrupt) return failure(std::move(corrupt).error());
  const auto space = place->spool->free_space();
  if (!space) return failure(space.error());
  auto core = std::make_shared<SpoolCore>(world, SegmentSupply::fit(settings, *space), *std::move(place),
                                          *std::move(bodies), *std::move(corrupt));
  core->state.space = *space;
  if (auto started = core->start(); !started) return failure(std::move(started).error());
  return core;
}

Result<> SpoolCore::start() {
  auto found = folder.find();
  if (!found) return failure(std::move(found).error());
  // A segment that is left out for want of a descriptor would look lost.
  for (const auto& segment : found->segments) {
    const bool is_passing = !segment.header && segment.header.error().kind == Error::Kind::too_many_files;
    if (is_passing) return failure(segment.header.error());
  }
  for (const auto& name : found->unfinished) {
    if (auto removed = folder.remove_unfinished(name); !removed) return removed;
  }
  recovery.register_segments(*found, place.identity.id);
  if (auto synced = sync_newest_segment(); !synced) {
    world.log.error("spool.sync_failed",
                    {{"error", synced.error().text}, {"what_to_do", "look at the disk of the spool"}});
  }

  place.identity.starts = std::max(place.identity.starts, state.start) + 1;
  if (planted(PlantedFault::spool_id_given_twice)) place.identity.starts = std::max(state.start, std::uint64_t{1});
  if (place.identity.starts > last_start)
    return failure(Error::Kind::invalid, "the spool was started too often to name more messages");
  // Durable before any id of this start is given (I20).
  if (auto written = write_identity(*place.spool, identity_name, place.identity); !written) return written;
  state.start = place.identity.starts;
  if (state.segments.count(SegmentStage::empty) > 0) return {};
  return supply.make();
}

/// What a program that was killed wrote last may be in memory only; before anything is decided by it, it is made durable.
Result<> SpoolCore::sync_newest_segment() {
  Segment* newest = nullptr;
  for (auto& [number, segment] : state.segments.all()) {
    if (newest == nullptr || segment.header.generation > newest->header.generation) newest = &segment;
  }
  if (newest == nullptr || newest->header.is_empty()) return {};
  auto file = folder.open(newest->number());
  if (!file) return failure(std::move(file).error());
  auto synced = (*file)->sync_data();
  if (!synced) {
    folder.forget(newest->number());
    newest->has_failed = true;
  }
  return synced;
}

// ---- items ----

ItemPointer SpoolCore::item_for(NewMessage message) const {
  MessageFacts facts;
  facts.arrival = message.arrival;
  facts.states = std::move(message.states);
  facts.states.resize(std::max(facts.states.size(), message.envelope.recipients.size()));
  for (auto& one : facts.states) cut(one, settings.reply_limit);
  facts.delivery_name = std::move(message.delivery_name);
  facts.origin = std::move(message.origin);
  facts.envelope = std::move(message.envelope);
  facts.octets = message.head.size();
  auto* file = std::get_if<FinishedBody>(&message.body);
  if (file != nullptr) facts.body_file = BodyFacts{file->octets(), settings.body_block_octets, file->checksums()};
  facts.octets += file != nullptr ? file->octets() : std::get<std::string>(message.body).size();

  auto part = encode(facts);
  part.head = std::move(message.head);
  if (file != nullptr) {
    part.body_file = std::move(*file);
  } else {
    part.body = std::get<std::string>(std::move(message.body));
  }
  part.content_checksum = crc32c(part.body, crc32c(part.head));
  part.settles = std::move(message.settles);
  if (part.settles) {
    for (auto& outcome : part.settles->outcomes) cut(outcome.state, settings.reply_limit);
  }
  auto item = std::make_unique<SpoolItem>();
  item->id = message.id;
  item->part = std::move(part);
  return item;
}

/// The same message elsewhere. A damaged text keeps its checksum, and so stays known to be damaged.
ItemPointer SpoolCore::item_for(const ReadMessage& message, MessageId id) const {
  auto part = encode(message.facts);
  part.body = message.content;
  part.content_checksum = message.content_checksum;
  part.moved_from = MessagePart::Source{message.place, message.changes};
  auto item = std::make_unique<SpoolItem>();
  item->id = id;
  item->part = std::move(part);
  return item;
}

ItemPointer SpoolCore::item_for(MessageId id, std::vector<Outcome> outcomes) const {
  for (auto& outcome : outcomes) cut(outcome.state, settings.reply_limit);
  auto item = std::make_unique<SpoolItem>();
  item->id = id;
  item->part = OutcomePart{std::move(outcomes), std::nullopt};
  return item;
}

/// The item's work is done: what it holds would be thrown away.
void SpoolCore::keep_fresh(SpoolItem& item) {
  auto* part = std::get_if<MessagePart>(&item.part);
  if (part == nullptr || part->moved_from || part->brief.has_body_file) return;
  if (!fresh.takes(part->head.size() + part->body.size())) return;
  FreshMessage message{.facts = std::move(part->record),
                       .content = std::move(part->head),
                       .content_checksum = part->content_checksum,
                       .has_one_reader = part->brief.recipients.size() == 1};
  message.facts += item.facts;
  message.content += part->body;
  fresh.keep(item.id, std::move(message));
}

std::optional<ReadMessage> SpoolCore::take_fresh(MessageId id) {
  auto kept = fresh.take(id);
  if (!kept) return std::nullopt;
  ReadMessage message{.content = std::move(kept->content), .content_checksum = kept->content_checksum};
  {
    const std::lock_guard lock{state.mutex};
    const auto* live = std::as_const(state.index).find(id);
    const bool is_as_stored = live != nullptr && live->changes == 1 && !live->is_abandoned && !live->is_damaged;
    if (!is_as_stored) return std::nullopt;
    message.place = live->place;
    message.changes = live->changes;
  }
  auto facts = read_message(std::string_view(kept->facts).substr(record_header_octets));
  if (!facts) return std::nullopt;
  message.facts = std::move(facts->message);
  return message;
}

StoredMessage SpoolCore::stored(MessageId id, ReadMessage& message) {
  return {.id = id,
          .envelope = std::move(message.facts.envelope),
          .states = std::move(message.facts.states),
          .arrival = message.facts.arrival,
          .delivery_name = std::move(message.facts.delivery_name),
          .origin = std::move(message.facts.origin),
          .octets = message.facts.octets,
          .damaged = message.is_damaged};
}

// ---- forgetting ----

void SpoolCore::forget_lost(const SpoolRecovery::Lost& message) {
  auto item = std::make_unique<SpoolItem>();
  item->id = message.id;
  item->part = FinishPart{message.generations};
  front.add(std::move(item));
}

void SpoolCore::remove_for_good(MessageId id) {
  std::vector<Outcome> outcomes;
  {
    const std::lock_guard lock{state.mutex};
    auto* message = state.index.find(id);
    if (message == nullptr) return;
    message->is_abandoned = true;
    outcomes.resize(message->count);
  }
  for (std::uint32_t i = 0; i < outcomes.size(); ++i) outcomes[i] = {i, {.status = RecipientStatus::removed}};
  {
    // Until it is gone from the index, maintenance tries again.
    const std::lock_guard lock{maintenance_mutex};
    if (std::ranges::find(to_remove, id) == to_remove.end()) to_remove.push_back(id);
  }
  front.add(item_for(id, std::move(outcomes)));
}

void SpoolCore::remove_bodies(const std::vector<MessageId>& ids) {
  for (const auto id : ids) bodies->remove_later(id);
}

bool SpoolCore::is_idle() {
  const std::lock_guard lock{maintenance_mutex};
  return maintenance_loop == nullptr && front.is_idle() && bodies->jobs() == 0;
}

void SpoolCore::need() {
  const std::lock_guard lock{maintenance_mutex};
  if (maintenance_loop == nullptr) return;
  maintenance_loop->post([event = maintenance_event] { event->set(); });
}

SpoolFacts SpoolCore::facts() {
  const std::lock_guard lock{state.mutex};
  SpoolFacts facts;
  facts.free_octets = state.space.octets;
  facts.total_octets = state.space.total_octets;
  facts.free_inodes = state.space.inodes;
  facts.segments = state.segments.size();
  facts.empty_segments = state.segments.count(SegmentStage::empty);
  facts.failed_segments = state.segments.count(SegmentStage::failed);
  facts.reserve_segments = supply.reserve();
  facts.messages = state.index.size();
  facts.queued_recipients = state.index.count(RecipientStatus::queued);
  facts.held_recipients = state.index.count(RecipientStatus::held);
  facts.commits = state.commits;
  facts.batches = state.batches;
  facts.failed_batches = state.failed_batches;
  facts.damaged_messages = state.damaged_messages;
  facts.compacted_segments = state.compacted_segments;
  if (state.is_failing || !state.is_in_place) {
    facts.why = state.is_failing ? state.failed_with : Error::Kind::io;
  } else if (!supply.has_room_for_messages() || (state.is_full && !supply.has_segment_for_messages()) ||
             state.space.octets < bodies->written_since_look() + 2 * settings.largest_message ||
             state.space.inodes < 16) {
    facts.why = Error::Kind::no_space;
  } else {
    facts.accepting = true;
  }
  return facts;
}

}  // namespace posthorn::store
