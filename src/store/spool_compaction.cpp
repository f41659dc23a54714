// Compaction: SpoolMaintenance's way to get a segment free that still holds something.
#include "base/planted_fault.hpp"
#include "store/spool_maintenance.hpp"

#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <algorithm>
#include <set>

namespace posthorn::store {
namespace {

constexpr std::uint64_t outcome_octets = 256;  // about; to compare segments with
constexpr std::uint64_t finish_octets = 96;
constexpr std::size_t at_once = 64;  // records on their way together
constexpr Duration rest_after_failure = std::chrono::seconds{10};
constexpr std::uint64_t rest_generations = 4;  // the newest segments empty themselves, most likely

/// A finish that this record holds, with the message it is about.
std::optional<std::pair<MessageId, OutcomeFacts>> outcomes_in(const ScannedRecord& record) {
  if (!record.facts_are_good) return std::nullopt;
  if (record.header.type == RecordType::outcomes) {
    auto outcomes = read_outcomes(record.facts);
    if (!outcomes) return std::nullopt;
    return std::pair{record.header.id, *std::move(outcomes)};
  }
  auto message = read_message_brief(record.facts);
  if (!message || !message->settles) return std::nullopt;
  return std::pair{message->settles->message, std::move(message->settles->outcomes)};
}

world::Task<> write_one(SpoolFront& front, world::Loop& loop, ItemPointer item, bool& all_good, std::size_t& left,
                        world::Event& done) {
  const auto written = co_await SpoolWait{front, loop, std::move(item), never};
  if (!written) all_good = false;
  if (--left == 0) done.set();
}

}  // namespace

world::Task<> SpoolMaintenance::compact_one() {
  auto& core = *core_;
  const auto victim = choose_victim();
  if (!victim) co_return;
  const auto scan = co_await world::on_workers(core.world.readers, loop_, [&core, victim] {
    auto file = core.folder.open(victim->header.number);
    return file ? scan_segment(**file, victim->header, victim->options) : SegmentScan{};
  });
  const auto number = victim->header.number;
  const bool is_clear = co_await move_messages(scan, number) && co_await restate_outcomes(scan, number) &&
                        co_await restate_finishes(scan, victim->header.generation);
  if (release_victim(number, is_clear)) co_return;
  resting_ = victim->header.generation;
  rests_until_ = after(loop_.now(), rest_after_failure);
}

/// The one whose live records are fewest, if that is few enough: a quarter of the segment, half of it when segments are
/// short. A failed segment is cleared whatever it holds. It never takes more than the reserve can bear.
std::optional<SpoolMaintenance::Victim> SpoolMaintenance::choose_victim() {
  auto& core = *core_;
  const std::lock_guard lock{core.state.mutex};
  if (!core.state.is_recovered || core.state.is_failing || core.is_stopping) return std::nullopt;
  const auto stock = core.state.segments.count(SegmentStage::empty);
  const bool is_short = stock < core.supply.reserve();
  Segment* best = nullptr;
  std::uint64_t best_cost = 0;
  for (auto& [number, segment] : core.state.segments.all()) {
    const auto cost = cost_of(segment);
    if (!cost || (best != nullptr && *cost >= best_cost)) continue;
    const auto most =
        segment.stage == SegmentStage::failed ? segment.header.octets : segment.header.octets / (is_short ? 2 : 4);
    const bool rests = !is_short && segment.header.generation + rest_generations > core.state.last_generation;
    if (*cost > most || (rests && segment.stage != SegmentStage::failed)) continue;
    best = &segment;
    best_cost = *cost;
  }
  if (best == nullptr || stock < 2) return std::nullopt;
  best->is_busy = true;
  return Victim{
      best->header,
      {.end = core.state.end_of(best->header), .last_batch_is_durable = best->ends_clean, .check_all_contents = false}};
}

std::optional<std::uint64_t> SpoolMaintenance::cost_of(Segment& segment) const {
  const bool may_be = segment.stage == SegmentStage::sealed || segment.stage == SegmentStage::failed;
  const bool rests = segment.header.generation == resting_ && loop_.now() < rests_until_;
  if (!may_be || segment.is_busy || rests) return std::nullopt;
  if (core_->state.segments.is_dead(segment)) return std::nullopt;
  const auto finishes = core_->state.segments.is_pinned(segment) ? segment.finishes : 0;
  return segment.live_octets + segment.live_outcomes * outcome_octets + finishes * finish_octets;
}

// ---- what moves ----

bool SpoolMaintenance::stands_at(MessageId id, RecordPlace place) {
  const std::lock_guard lock{core_->state.mutex};
  const auto* message = core_->state.index.find(id);
  return message != nullptr && message->place == place;
}

world::Task<bool> SpoolMaintenance::move_messages(const SegmentScan& scan, std::uint32_t segment) {
  auto& core = *core_;
  std::vector<ItemPointer> items;
  for (const auto& record : scan.records) {
    const auto id = record.header.id;
    if (record.header.type != RecordType::message || !stands_at(id, {segment, record.header.offset})) continue;
    const auto message = co_await world::on_workers(
        core.world.readers, loop_, [&core, id] { return core.reader.read(id, MessageReader::Part::all); });
    if (!message && message.error().kind == Error::Kind::corrupt) core.remove_for_good(id);
    if (planted(PlantedFault::compaction_loses_messages)) continue;
    if (message) items.push_back(core.item_for(*message, id));
    if (items.size() < at_once) continue;
    if (!co_await write_all(std::exchange(items, {}))) co_return false;
  }
  co_return co_await write_all(std::move(items));
}

world::Task<bool> SpoolMaintenance::restate_outcomes(const SegmentScan& scan, std::uint32_t segment) {
  std::vector<ItemPointer> items;
  std::set<MessageId> among_items;
  for (const auto& record : scan.records) {
    auto about = outcomes_in(record);
    if (!about || about->second.finishes) continue;
    // Two records about one message would be one too many for a batch.
    const bool is_second = !among_items.insert(about->first).second;
    if (is_second || items.size() >= at_once) {
      among_items = {about->first};
      if (!co_await write_all(std::exchange(items, {}))) co_return false;
    }
    if (planted(PlantedFault::compaction_loses_outcomes)) continue;
    auto item = std::make_unique<SpoolItem>();
    item->id = about->first;
    item->part = OutcomePart{std::move(about->second.outcomes), RecordPlace{segment, record.header.offset}};
    items.push_back(std::move(item));
  }
  co_return co_await write_all(std::move(items));
}

world::Task<bool> SpoolMaintenance::restate_finishes(const SegmentScan& scan, std::uint64_t generation) {
  std::vector<ItemPointer> items;
  for (const auto& record : scan.records) {
    auto about = outcomes_in(record);
    if (!about || !about->second.finishes) continue;
    std::erase(about->second.covers, generation);
    auto item = std::make_unique<SpoolItem>();
    item->id = about->first;
    item->part = FinishPart{std::move(about->second.covers)};
    items.push_back(std::move(item));
    if (items.size() < at_once) continue;
    if (!co_await write_all(std::exchange(items, {}))) co_return false;
  }
  co_return co_await write_all(std::move(items));
}

world::Task<bool> SpoolMaintenance::write_all(std::vector<ItemPointer> items) {
  if (items.empty()) co_return true;
  world::TaskGroup group;
  world::Event done{loop_};
  bool all_good = true;
  auto left = items.size();
  for (auto& item : items) group.start(write_one(core_->front, loop_, std::move(item), all_good, left, done));
  // What could not be written is answered when a probe has succeeded, and nobody else probes.
  while (!co_await done.wait(after(loop_.now(), core_->settings.probe_interval))) co_await look_after_failures();
  co_return all_good;
}

/// True: nothing in it is needed any more.
bool SpoolMaintenance::release_victim(std::uint32_t segment, bool is_clear) {
  const std::lock_guard lock{core_->state.mutex};
  auto& victim = *core_->state.segments.find(segment);
  victim.is_busy = false;
  const bool is_hasty =
      planted(PlantedFault::compaction_loses_messages) || planted(PlantedFault::compaction_loses_outcomes);
  if (!is_hasty && (!is_clear || victim.live_messages != 0 || victim.live_outcomes != 0)) return false;
  if (is_hasty) victim.live_messages = victim.live_outcomes = 0;
  // Each finish stands elsewhere now.
  victim.covers.clear();
  victim.finishes = 0;
  ++core_->state.compacted_segments;
  return true;
}

}  // namespace posthorn::store
