#include "store/spool.hpp"

#include "base/assert.hpp"
#include "store/message_text.hpp"
#include "store/spool_core.hpp"
#include "store/spool_maintenance.hpp"

#include <utility>

namespace posthorn::store {
namespace {

constexpr std::uint64_t last_counter_of_a_start = (1ULL << 40) - 1;
constexpr Duration drain_pause = std::chrono::milliseconds{5};

}  // namespace

Spool::Spool(std::shared_ptr<SpoolCore> core) : core_(std::move(core)) {}
Spool::~Spool() = default;

world::Task<Result<std::unique_ptr<Spool>>> Spool::open(world::Loop& loop, SpoolWorld world, SpoolSettings settings) {
  auto core =
      co_await world::on_workers(world.readers, loop, [&world, &settings] { return SpoolCore::open(world, settings); });
  if (!core) co_return failure(std::move(core).error().context("open the spool"));
  co_return std::make_unique<Spool>(*std::move(core));
}

world::Task<Result<RecoveryReport>> Spool::recover(world::Loop& loop) {
  auto& core = *core_;
  while (co_await world::on_workers(core.world.readers, loop, [&core] { return core.recovery.read_next(); })) {
    if (core.is_stopping) co_return failure(Error::Kind::closed, "the server stopped before all of it was read");
    if (core.recovery.must_wait()) co_await world::sleep_until(loop, after(loop.now(), core.settings.probe_interval));
  }
  const auto lost = co_await world::on_workers(core.world.readers, loop, [&core] {
    core.recovery.check_bodies(*core.bodies);
    return core.recovery.finish();
  });
  {
    const std::lock_guard lock{core.state.mutex};
    core.state.is_recovered = true;
  }
  for (const auto& message : lost) core.forget_lost(message);
  core.need();
  co_return core.recovery.report();
}

world::Task<> Spool::maintain(world::Loop& loop) {
  SpoolMaintenance maintenance{core_, loop};
  co_await maintenance.run();
}

void Spool::stop() {
  {
    const std::lock_guard lock{core_->maintenance_mutex};
    core_->is_stopping = true;
  }
  core_->need();
}

world::Task<> Spool::drain(world::Loop& loop) {
  auto& core = *core_;
  for (;;) {
    co_await world::on_workers(core.world.commit_worker, loop, [&core] {
      core.writer.answer_overdue(true);
      return true;
    });
    if (core.is_idle()) break;
    co_await world::sleep_until(loop, after(loop.now(), drain_pause));
  }
  co_await world::on_workers(core.world.commit_worker, loop, [&core] {
    core.writer.mark_pause();
    return true;
  });
}

MessageId Spool::new_id() {
  const auto counter = ++core_->last_counter;
  ensure(counter <= last_counter_of_a_start, "a start of the spool names fewer than 2^40 messages");
  return MessageId{core_->place.identity.starts << 40 | counter};
}

bool Spool::is_of_this_start(MessageId id) const { return start_of(id) == core_->place.identity.starts; }

BodyWriter Spool::new_body(MessageId id) { return {core_->bodies, id}; }

world::Task<Result<>> Spool::commit(world::Loop& loop, NewMessage message, MonotonicTime deadline) {
  const auto recipients = message.envelope.recipients.size();
  ensure(recipients > 0 && (message.states.empty() || message.states.size() == recipients),
         "a message has recipients, a state each");
  ensure(is_of_this_start(message.id), "a message has an id of this start");
  co_return co_await SpoolWait{core_->front, loop, core_->item_for(std::move(message)), deadline};
}

world::Task<Result<>> Spool::record(world::Loop& loop, MessageId id, std::vector<Outcome> outcomes) {
  co_return co_await SpoolWait{core_->front, loop, core_->item_for(id, std::move(outcomes)), never};
}

// ---- reading ----

world::Task<Result<LoadedMessage>> Spool::load(world::Loop& loop, MessageId id) {
  auto& core = *core_;
  if (auto fresh = core.take_fresh(id)) {
    auto text = std::make_unique<MessageText::State>(core_, id, *fresh);
    co_return LoadedMessage{SpoolCore::stored(id, *fresh), MessageText{std::move(text)}};
  }
  auto read = co_await world::on_workers(core.world.readers, loop,
                                         [&core, id] { return core.reader.read(id, MessageReader::Part::all); });
  if (!read && read.error().kind == Error::Kind::corrupt) core.remove_for_good(id);
  if (!read) co_return failure(std::move(read).error());
  auto text = std::make_unique<MessageText::State>(core_, id, *read);
  co_return LoadedMessage{SpoolCore::stored(id, *read), MessageText{std::move(text)}};
}

world::Task<Result<StoredMessage>> Spool::load_envelope(world::Loop& loop, MessageId id) {
  auto& core = *core_;
  auto read = co_await world::on_workers(core.world.readers, loop,
                                         [&core, id] { return core.reader.read(id, MessageReader::Part::envelope); });
  if (!read && read.error().kind == Error::Kind::corrupt) core.remove_for_good(id);
  if (!read) co_return failure(std::move(read).error());
  co_return SpoolCore::stored(id, *read);
}

world::Task<std::vector<StoredMessage>> Spool::load_next(world::Loop& loop, MessageId after, std::size_t limit) {
  auto& core = *core_;
  co_return co_await world::on_workers(core.world.readers, loop, [&core, after, limit] {
    std::vector<StoredMessage> messages;
    auto found = core.reader.read_after(after, limit);
    messages.reserve(found.size());
    for (auto& [id, read] : found) messages.push_back(SpoolCore::stored(id, read));
    return messages;
  });
}

std::vector<LiveMessage> Spool::live_after(MessageId after, std::size_t limit) const {
  const std::lock_guard lock{core_->state.mutex};
  return core_->state.index.after(after, limit);
}

std::optional<LiveMessage> Spool::find(MessageId id) const {
  const std::lock_guard lock{core_->state.mutex};
  const auto* message = std::as_const(core_->state.index).find(id);
  if (message == nullptr || message->is_abandoned) return std::nullopt;
  return SpoolIndex::describe(id, *message);
}

SpoolFacts Spool::facts() const { return core_->facts(); }

}  // namespace posthorn::store
