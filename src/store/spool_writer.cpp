#include "store/spool_writer.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "base/planted_fault.hpp"
#include "store/outcome_plan.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>

namespace posthorn::store {
namespace {

constexpr std::string_view zeros_of_a_block(std::size_t count) {
  constexpr static std::array<char, largest_block> zeros{};
  return {zeros.data(), count};
}

SegmentNeed need_of(const SpoolItem& item) {
  const auto* message = std::get_if<MessagePart>(&item.part);
  if (message != nullptr && !message->moved_from) return SegmentNeed::message;
  const auto* outcome = std::get_if<OutcomePart>(&item.part);
  if (outcome == nullptr || outcome->restated_from) return SegmentNeed::compaction;
  const bool ends = std::ranges::any_of(outcome->outcomes, [](const Outcome& one) {
    return one.state.status != RecipientStatus::queued && one.state.status != RecipientStatus::held;
  });
  return ends ? SegmentNeed::outcome : SegmentNeed::deferral;
}

/// An item that has nothing to be written is done with success.
bool has_record(const SpoolItem& item) { return item.octets != 0; }

RecordType type_of(const SpoolItem& item) {
  if (std::holds_alternative<MessagePart>(item.part)) return RecordType::message;
  return std::holds_alternative<PausePart>(item.part) ? RecordType::pause : RecordType::outcomes;
}

void encode_outcomes(SpoolItem& item) {
  ByteWriter out{std::string(record_header_octets, '\0')};
  put_outcomes(out, *item.outcomes);
  item.facts = out.take();
  item.octets = record_octets(item.facts.size() - record_header_octets, 0);
}

}  // namespace

void SpoolWriter::write(SpoolFront::Items items) {
  Queue queue(std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
  while (!queue.empty()) {
    if (parts_.state.is_failing) {
      refuse(queue, {parts_.state.failed_with, "the spool's disk fails"});
      break;
    }
    auto batch = gather(queue);
    if (!batch.items.empty()) {
      commit(std::move(batch));
    } else if (!queue.empty()) {
      make_room_for(queue);
    }
    flush();
  }
  flush();
}

void SpoolWriter::mark_pause() {
  if (parts_.state.is_failing || !active_ || active_->is_fresh) return;
  if (active_->next + record_octets(0, 0) > active_->header.octets) return;  // the next segment will say it
  {
    const std::lock_guard lock{parts_.state.mutex};
    if (!parts_.state.has_open_end) return;
  }
  SpoolFront::Items items;
  items.push_back(std::make_unique<SpoolItem>());
  items.back()->part = PausePart{};
  write(std::move(items));
}

/// A full disk refuses one by one what needs room; anything else that goes wrong concerns all.
void SpoolWriter::make_room_for(Queue& items) {
  auto begun = begin_segment(need_of(*items.front()), items.front()->octets);
  if (begun) return;
  if (begun.error().kind != Error::Kind::no_space) set_failing(begun.error());
  if (begun.error().kind == Error::Kind::no_space && need_of(*items.front()) == SegmentNeed::message) {
    const std::lock_guard lock{parts_.state.mutex};
    parts_.state.is_full = true;
  }
  items.front()->result = std::move(begun);
  done(std::move(items.front()));
  items.pop_front();
}

// ---- gathering ----

SpoolWriter::Batch SpoolWriter::gather(Queue& items) {
  const std::lock_guard lock{parts_.state.mutex};
  OutcomePlan plan{parts_.state.index, parts_.state.segments};
  Batch batch;
  while (!items.empty()) {
    auto& item = *items.front();
    item.result = prepare(item, plan);
    if (item.result && has_record(item) && !fits(batch, item)) break;
    if (item.result && has_record(item)) {
      batch.octets += item.octets;
      batch.items.push_back(std::move(items.front()));
    } else {
      done(std::move(items.front()));
    }
    items.pop_front();
  }
  return batch;
}

Result<> SpoolWriter::prepare(SpoolItem& item, OutcomePlan& plan) {
  item.octets = 0;
  item.facts.clear();
  item.outcomes.reset();
  if (auto* message = std::get_if<MessagePart>(&item.part)) return prepare(item, *message, plan);
  if (auto* outcomes = std::get_if<OutcomePart>(&item.part)) return prepare(item, *outcomes, plan);
  if (auto* finish = std::get_if<FinishPart>(&item.part)) return prepare(item, *finish);
  return prepare(item);
}

Result<> SpoolWriter::prepare(SpoolItem& item) {
  item.facts.assign(record_header_octets, '\0');
  item.octets = record_octets(0, 0);
  return {};
}

Result<> SpoolWriter::prepare(SpoolItem& item, MessagePart& part, OutcomePlan& plan) {
  if (part.moved_from) {
    const auto* message = parts_.state.index.find(item.id);
    const bool is_as_read = message != nullptr && message->place == part.moved_from->place &&
                            message->changes == part.moved_from->changes && !plan.touches(item.id);
    if (!is_as_read) return {};
  } else if (auto admitted = admit(item); !admitted) {
    return admitted;
  }

  SettlementFacts settles;
  if (part.settles) {
    settles.message = part.settles->message;
    if (auto known = knows_all_about(settles.message); !known) return known;
    if (!planted(PlantedFault::spool_settlement_left_out)) {
      item.outcomes = plan.record(settles.message, part.settles->outcomes);
    }
    if (item.outcomes) settles.outcomes = *item.outcomes;
  }
  ByteWriter out;
  put_settlement(out, item.outcomes ? &settles : nullptr);
  item.facts = out.take();
  item.octets =
      record_octets(part.record.size() - record_header_octets + item.facts.size(), part.head.size() + part.body.size());
  if (item.octets > parts_.supply.largest_record()) {
    return failure(Error::Kind::invalid, "the envelope of the message is larger than a segment of the spool");
  }
  return {};
}

/// Whether a message may come in at all.
Result<> SpoolWriter::admit(const SpoolItem& item) const {
  if (item.is_abandoned) return failure(Error::Kind::timed_out, "nobody waits for this message any more");
  if (!parts_.state.is_in_place) {
    return failure(Error::Kind::io, "the spool is not where it was; is its file system mounted?");
  }
  if (!parts_.supply.has_room_for_messages()) {
    return failure(Error::Kind::no_space, "only the reserve of the spool is left");
  }
  return {};
}

/// An outcome of a message that recovery has yet to meet would be lost.
Result<> SpoolWriter::knows_all_about(MessageId id) const {
  if (parts_.state.is_recovered || start_of(id) == parts_.state.start) return {};
  return failure(Error::Kind::in_use, "the spool is still reading what waits from earlier");
}

Result<> SpoolWriter::prepare(SpoolItem& item, OutcomePart& part, OutcomePlan& plan) {
  if (auto known = knows_all_about(item.id); !known) return known;
  item.outcomes = part.restated_from ? plan.restate(item.id, part.outcomes, *part.restated_from)
                                     : plan.record(item.id, part.outcomes);
  if (planted(PlantedFault::spool_outcome_not_written) && !part.restated_from) item.outcomes.reset();
  if (item.outcomes) encode_outcomes(item);
  return {};
}

Result<> SpoolWriter::prepare(SpoolItem& item, FinishPart& part) {
  if (parts_.state.index.find(item.id) != nullptr)
    return failure(Error::Kind::corrupt, "a live message is not finished again");
  std::erase_if(part.covers,
                [this](std::uint64_t generation) { return !parts_.state.segments.is_on_disk(generation); });
  if (part.covers.empty()) return {};
  item.outcomes = OutcomeFacts{true, part.covers, {}};
  encode_outcomes(item);
  return {};
}

bool SpoolWriter::fits(const Batch& batch, const SpoolItem& item) const {
  if (!active_ || active_->next + batch.octets + item.octets > active_->header.octets) return false;
  return batch.items.empty() || batch.octets + item.octets <= parts_.settings.batch_octets;
}

// ---- writing ----

Result<> SpoolWriter::begin_segment(SegmentNeed need, std::uint64_t octets) {
  auto header = parts_.supply.begin(need, octets, parts_.world.random.next());
  parts_.on_need();
  if (!header) return failure(std::move(header).error());
  seal();
  active_ = Active{*header, nullptr, header->first_record(), true};
  auto file = parts_.folder.open(header->number);
  if (!file) {
    give_up_segment(0, file.error());
    return failure(std::move(file).error());
  }
  active_->file = *std::move(file);
  return {};
}

void SpoolWriter::seal() {
  if (!active_) return;
  const std::lock_guard lock{parts_.state.mutex};
  parts_.state.segments.find(active_->header.number)->stage = SegmentStage::sealed;
  active_.reset();
}

void SpoolWriter::commit(Batch batch) {
  lay_out(batch);
  if (auto written = write_out(batch); !written) return fail(std::move(batch), written.error());
  apply(batch);
  for (auto& item : batch.items) done(std::move(item));
}

/// Gives each record its place and fills in its header.
void SpoolWriter::lay_out(Batch& batch) {
  auto at = active_->next;
  for (auto& item : batch.items) {
    auto* message = std::get_if<MessagePart>(&item->part);
    auto& start = message != nullptr ? message->record : item->facts;
    RecordHeader header{.type = type_of(*item),
                        .offset = static_cast<std::uint32_t>(at),
                        .generation = active_->header.generation,
                        .life = active_->header.life,
                        .id = item->id,
                        .batch = static_cast<std::uint32_t>(active_->next),
                        .batch_octets = static_cast<std::uint32_t>(batch.octets)};
    if (message != nullptr) {
      header.facts_octets = static_cast<std::uint32_t>(start.size() - record_header_octets + item->facts.size());
      header.facts_checksum = crc32c(item->facts, message->facts_checksum);
      header.content_octets = static_cast<std::uint32_t>(message->head.size() + message->body.size());
      header.content_checksum = message->content_checksum;
    } else {
      header.facts_octets = static_cast<std::uint32_t>(start.size() - record_header_octets);
      header.facts_checksum = crc32c(std::string_view(start).substr(record_header_octets));
    }
    write_record_header(header, start);
    item->offset = header.offset;
    at += item->octets;
  }
}

Result<> SpoolWriter::write_out(const Batch& batch) {
  std::vector<std::string_view> pieces;
  pieces.reserve(batch.items.size() * 5 + 2);
  const auto add = [&pieces](std::string_view piece) {
    if (!piece.empty()) pieces.push_back(piece);
  };
  const auto start = active_->is_fresh ? encode_segment_start(active_->header) : std::string{};
  add(start);
  for (const auto& item : batch.items) {
    const auto* message = std::get_if<MessagePart>(&item->part);
    const auto contents = message != nullptr ? message->head.size() + message->body.size() : 0;
    const auto facts = item->facts.size() + (message != nullptr ? message->record.size() : 0);
    if (message != nullptr) add(message->record);
    add(item->facts);
    add(zeros_of_a_block(item->octets - facts - contents));
    if (message == nullptr) continue;
    add(message->head);
    add(message->body);
  }
  const auto end = active_->next + batch.octets;
  add(zeros_of_a_block(align_up(end, active_->header.block) - end));

  auto written = active_->file->write_at(active_->is_fresh ? 0 : active_->next, pieces);
  if (planted(PlantedFault::spool_write_error_ignored)) written = {};
  if (planted(PlantedFault::spool_sync_left_out)) return written;
  if (written) written = active_->file->sync_data();
  if (!written && planted(PlantedFault::spool_sync_tried_again)) written = active_->file->sync_data();
  if (planted(PlantedFault::spool_sync_error_ignored)) return {};
  return written;
}

void SpoolWriter::apply(Batch& batch) {
  const std::lock_guard lock{parts_.state.mutex};
  if (std::exchange(active_->is_fresh, false)) {
    parts_.state.segments.renewed(*parts_.state.segments.find(active_->header.number));
    parts_.state.newest_durable_generation = active_->header.generation;
    parts_.state.is_full = false;
  }
  active_->next = align_up(active_->next + batch.octets, active_->header.block);
  parts_.state.has_open_end = false;
  for (auto& item : batch.items) apply(*item);
  ++parts_.state.batches;
}

void SpoolWriter::apply(SpoolItem& item) {
  const RecordPlace place{active_->header.number, item.offset};
  auto about = item.id;
  if (!std::holds_alternative<PausePart>(item.part)) parts_.state.has_open_end = true;
  if (auto* message = std::get_if<MessagePart>(&item.part)) {
    parts_.state.index.put(item.id, place, static_cast<std::uint32_t>(item.octets), message->brief);
    if (!planted(PlantedFault::body_removed_too_early)) message->body_file.keep();
    if (!message->moved_from) ++parts_.state.commits;
    if (item.is_abandoned) parts_.state.index.find(item.id)->is_abandoned = true;
    if (message->settles) about = message->settles->message;
  }
  if (item.outcomes && parts_.state.index.apply(about, place, *item.outcomes)) free_bodies_.push_back(about);
}

// ---- failures ----

void SpoolWriter::fail(Batch batch, const Error& error) {
  const auto now = parts_.world.clock.now();
  for (auto& item : batch.items) {
    item->result = failure(error);
    item->failed_at = now;
    undecided_.push_back(std::move(item));
  }
  const auto void_from = active_->is_fresh ? 0 : static_cast<std::uint32_t>(active_->next);
  give_up_segment(void_from, error);
  if (auto declared = declare_voids(); !declared) set_failing(declared.error());
}

/// What was acknowledged in it stays; from `void_from` on nothing counts, and nothing is written to it ever again.
void SpoolWriter::give_up_segment(std::uint32_t void_from, const Error& error) {
  parts_.world.log.error("spool.segment_failed",
                         {{"file", SegmentFolder::name_of(active_->header.number)},
                          {"error", error.text},
                          {"what_to_do", "look at the disk of the spool; the segment is not written any more"}});
  parts_.folder.forget(active_->header.number);
  const std::lock_guard lock{parts_.state.mutex};
  parts_.state.segments.find(active_->header.number)->stage = SegmentStage::failed;
  parts_.state.voids.push_back({active_->header.generation, void_from});
  ++parts_.state.failed_batches;
  active_.reset();
}

/// Begins a fresh segment whose header names what is void, and answers those who wait for that.
Result<> SpoolWriter::declare_voids() {
  if (auto begun = begin_segment(SegmentNeed::outcome, 0); !begun) return begun;
  if (auto written = write_out({}); !written) {
    give_up_segment(0, written.error());
    return written;
  }
  Batch nothing;
  apply(nothing);
  for (auto& item : std::exchange(undecided_, {})) done(std::move(item));
  return {};
}

void SpoolWriter::set_failing(const Error& error) {
  parts_.world.log.error(
      "spool.disk_fails",
      {{"error", error.text}, {"what_to_do", "mail is refused with 451 until the disk of the spool can be written"}});
  const std::lock_guard lock{parts_.state.mutex};
  parts_.state.is_failing = true;
  parts_.state.failed_with = error.kind;
}

void SpoolWriter::refuse(Queue& items, const Error& error) {
  for (auto& item : items) {
    item->result = failure(error);
    done(std::move(item));
  }
  items.clear();
}

void SpoolWriter::probe() {
  if (!parts_.state.is_failing) return;
  // A file that can be made shows that the disk is well again; the stock is spent only when there is no room for one.
  if (auto made = parts_.supply.make(); !made && made.error().kind != Error::Kind::no_space) return;
  if (auto declared = declare_voids(); !declared) return;
  {
    const std::lock_guard lock{parts_.state.mutex};
    parts_.state.is_failing = false;
  }
  parts_.world.log.warning("spool.disk_works_again", {});
  flush();
}

void SpoolWriter::answer_overdue(bool all) {
  const auto now = parts_.world.clock.now();
  while (!undecided_.empty() && (all || after(undecided_.front()->failed_at, parts_.settings.verdict_wait) <= now)) {
    // Its record may come back after a power cut: then it needs its body, else the next start removes that.
    if (auto* message = std::get_if<MessagePart>(&undecided_.front()->part)) message->body_file.keep();
    done(std::move(undecided_.front()));
    undecided_.pop_front();
  }
  flush();
}

void SpoolWriter::done(ItemPointer item) { done_.push_back(std::move(item)); }

void SpoolWriter::flush() {
  if (!done_.empty()) parts_.front.answer(std::exchange(done_, {}));
  if (!free_bodies_.empty()) parts_.on_bodies_free(std::exchange(free_bodies_, {}));
}

}  // namespace posthorn::store
