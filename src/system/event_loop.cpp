#include "system/event_loop.hpp"

#include "system/loop_core.hpp"

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace posthorn::system {

void EventLoop::Core::post(world::Callback callback) {
  {
    const std::lock_guard lock{mutex};
    posted.push_back(std::move(callback));
    if (posted.size() > 1) return;
  }
  boost::asio::post(context, [this] { run_posted(); });
}

void EventLoop::Core::run_posted() {
  {
    const std::lock_guard lock{mutex};
    running.swap(posted);
  }
  for (auto& callback : running) callback();
  running.clear();
}

world::TimerId EventLoop::Core::start_timer(MonotonicTime when, world::Callback callback) {
  if (when == never) return world::TimerId::none;
  const auto now = clock.now();
  const auto id = timers.start(when < now ? now : when, std::move(callback));
  if (when <= now) {
    schedule_timers();
  } else if (when < alarm_at) {
    set_alarm(when);
  }
  return id;
}

void EventLoop::Core::schedule_timers() {
  if (std::exchange(timers_scheduled, true)) return;
  boost::asio::post(context, [this] { run_timers(); });
}

void EventLoop::Core::run_timers() {
  timers_scheduled = false;
  const auto now = clock.now();
  const auto started = timers.started();
  while (timers.has_due(now, started)) timers.take_first()();
  if (timers.next() <= now) {
    schedule_timers();
  } else if (timers.next() < alarm_at) {
    set_alarm(timers.next());
  }
}

void EventLoop::Core::set_alarm(MonotonicTime when) {
  alarm_at = when;
  alarm.expires_at(std::chrono::steady_clock::time_point{when.time_since_epoch()});
  alarm.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // set anew, or the loop ends
    alarm_at = never;
    run_timers();
  });
}

Result<std::unique_ptr<EventLoop>> EventLoop::make(const world::Clock& clock) {
  try {
    return std::make_unique<EventLoop>(std::make_unique<Core>(clock));
  } catch (const boost::system::system_error& error) {
    const bool full = error.code() == boost::system::errc::too_many_files_open ||
                      error.code() == boost::system::errc::too_many_files_open_in_system;
    return failure(full ? Error::Kind::too_many_files : Error::Kind::other,
                   std::string("make an event loop: ") + error.what());
  }
}

EventLoop::EventLoop(std::unique_ptr<Core> core) : core_(std::move(core)) {}
EventLoop::~EventLoop() = default;

const world::Clock& EventLoop::clock() const { return core_->clock; }
void EventLoop::post(world::Callback callback) { core_->post(std::move(callback)); }
void EventLoop::cancel_timer(world::TimerId timer) { core_->timers.cancel(timer); }
world::TimerId EventLoop::start_timer(MonotonicTime when, world::Callback callback) {
  return core_->start_timer(when, std::move(callback));
}

void EventLoop::run() {
  core_->context.run();
  core_->context.restart();
}

void EventLoop::stop() { core_->context.stop(); }

}  // namespace posthorn::system
