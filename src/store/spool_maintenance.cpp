#include "store/spool_maintenance.hpp"

#include "store/spool_identity.hpp"
#include "world/wait.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::store {
namespace {

constexpr Duration rest = std::chrono::seconds{1};

}  // namespace

world::Task<> SpoolMaintenance::run() {
  auto& core = *core_;
  const auto event = std::make_shared<world::Event>(loop_);
  {
    const std::lock_guard lock{core.maintenance_mutex};
    core.maintenance_loop = &loop_;
    core.maintenance_event = event;
  }
  next_check_ = after(loop_.now(), core.settings.identity_interval);
  while (!core.is_stopping) {
    event->clear();
    co_await pass();
    const auto look = core.settings.look_interval;
    const auto pause = core.state.is_failing ? std::min(look, core.settings.probe_interval) : look;
    if (!core.is_stopping) co_await event->wait(after(loop_.now(), pause));
  }
  const std::lock_guard lock{core.maintenance_mutex};
  core.maintenance_loop = nullptr;
}

world::Task<> SpoolMaintenance::pass() {
  auto& core = *core_;
  co_await world::on_workers(core.world.readers, loop_, [&core] {
    core.bodies->forget_written();
    core.supply.look_at_space();
    return true;
  });
  co_await look_after_failures();
  co_await mark_pause();
  co_await check_place();
  retry_removals();
  co_await retire_dead();
  co_await fill_stock();
  co_await compact_one();
}

world::Task<> SpoolMaintenance::look_after_failures() {
  auto& core = *core_;
  if (!core.state.is_failing) co_return;
  co_await world::on_workers(core.world.commit_worker, loop_, [&core] {
    core.writer.probe();
    core.writer.answer_overdue(core.is_stopping);
    return true;
  });
}

/// When nothing was written for a moment.
world::Task<> SpoolMaintenance::mark_pause() {
  auto& core = *core_;
  {
    const std::lock_guard lock{core.state.mutex};
    if (std::exchange(batches_seen_, core.state.batches) != core.state.batches) rests_since_ = loop_.now();
    if (!core.state.has_open_end || loop_.now() < after(rests_since_, rest)) co_return;
  }
  co_await world::on_workers(core.world.commit_worker, loop_, [&core] {
    core.writer.mark_pause();
    return true;
  });
}

world::Task<> SpoolMaintenance::check_place() {
  auto& core = *core_;
  if (loop_.now() < next_check_) co_return;
  next_check_ = after(loop_.now(), core.settings.identity_interval);
  const auto found = co_await world::on_workers(core.world.readers, loop_, [&core] {
    return check_spool_place(core.settings.state_folder, core.world.disk, core.place.identity.id);
  });
  const std::lock_guard lock{core.state.mutex};
  if (!found && core.state.is_in_place) {
    core.world.log.error("spool.is_gone",
                         {{"error", found.error().text},
                          {"what_to_do", "mail is refused with 451 until the spool's file system is back"}});
  }
  core.state.is_in_place = found.has_value();
}

void SpoolMaintenance::retry_removals() {
  auto& core = *core_;
  std::vector<MessageId> again;
  {
    const std::lock_guard lock{core.maintenance_mutex};
    const std::lock_guard state_lock{core.state.mutex};
    std::erase_if(core.to_remove, [&core](MessageId id) { return core.state.index.find(id) == nullptr; });
    again = core.to_remove;
  }
  for (const auto id : again) core.remove_for_good(id);
}

// ---- segments ----

world::Task<> SpoolMaintenance::retire_dead() {
  auto& core = *core_;
  while (const auto number = next_dead()) {
    const auto retired =
        co_await world::on_workers(core.world.readers, loop_, [&core, number] { return core.supply.retire(*number); });
    if (retired) continue;
    core.world.log.error("spool.segment_failed",
                         {{"file", SegmentFolder::name_of(*number)}, {"error", retired.error().text}});
    co_return;
  }
}

/// The newest life keeps its header until a later one is durable: it names the void ranges.
std::optional<std::uint32_t> SpoolMaintenance::next_dead() {
  auto& state = core_->state;
  const std::lock_guard lock{state.mutex};
  for (auto& [number, segment] : state.segments.all()) {
    if (segment.header.generation >= state.newest_durable_generation || !state.segments.is_dead(segment)) continue;
    segment.is_busy = true;
    return number;
  }
  return std::nullopt;
}

world::Task<> SpoolMaintenance::fill_stock() {
  auto& core = *core_;
  for (;;) {
    {
      const std::lock_guard lock{core.state.mutex};
      if (core.is_stopping || core.state.is_failing || core.supply.shortage() == 0) co_return;
    }
    const auto made = co_await world::on_workers(core.world.readers, loop_, [&core] { return core.supply.make(); });
    if (!made) co_return;
  }
}

}  // namespace posthorn::store
