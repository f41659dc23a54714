// The inside of an EventLoop: the Asio context and what its descriptors share. Included by sources of system/ only, so
// that Asio stays out of everyone else's build.
#pragma once

#include "system/event_loop.hpp"
#include "system/timer_heap.hpp"
#include "world/task_group.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <mutex>
#include <vector>

namespace posthorn::system {

struct EventLoop::Core {
  using Executor = boost::asio::io_context::executor_type;
  using Alarm = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  explicit Core(const world::Clock& loop_clock) : clock(loop_clock) {}

  void post(world::Callback callback);
  world::TimerId start_timer(MonotonicTime when, world::Callback callback);

  /// Runs the posted callbacks that are there now; those that they post run in the next round, after the sockets.
  void run_posted();
  /// Runs the timers that are due now; those that they start run in the next round.
  void run_timers();
  void schedule_timers();
  void set_alarm(MonotonicTime when);

  const world::Clock& clock;
  TimerHeap timers;
  bool timers_scheduled = false;

  std::mutex mutex;
  std::vector<world::Callback> posted;  ///< under the mutex
  std::vector<world::Callback> running;

  /// What streams read into: the bytes are the reader's until it suspends.
  std::array<char, 65'536> buffer{};
  /// The same for what TLS decrypts: a full buffer and the record that was begun before it.
  std::array<char, 98'304> plain_buffer{};

  /// The descriptors' reactor is used by the loop's thread only; post() may come from any.
  boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  boost::asio::executor_work_guard<Executor> stays{context.get_executor()};  ///< run() ends by stop() alone
  Alarm alarm{context};
  MonotonicTime alarm_at = never;

  /// Sockets that are closed but still drained (system/socket_stream).
  world::TaskGroup lingering;
};

}  // namespace posthorn::system
