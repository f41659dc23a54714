// QueuedLog: the world::Log of a running server. write() puts the record into a bounded buffer and returns; a thread sends
// what has gathered to the log process. When the buffer is full, records are dropped and counted, and one line says so
// later; warnings and errors have some room of their own.
#pragma once

#include "system/descriptor.hpp"
#include "system/log_line.hpp"
#include "system/log_wire.hpp"
#include "system/thread.hpp"
#include "world/clock.hpp"
#include "world/log.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

namespace posthorn::system {

struct QueuedLogSettings {
  world::LogLevel level = world::LogLevel::info;
  std::size_t buffer = std::size_t{4} << 20;         ///< octets that wait
  std::size_t urgent_buffer = std::size_t{1} << 20;  ///< more for warnings and errors
  Duration gather = std::chrono::milliseconds{10};   ///< wait for more before the next packet; errors go at once
  Duration last_wait = std::chrono::seconds{2};      ///< for the log process, at the end
};

class QueuedLog final : public world::Log {
 public:
  using Settings = QueuedLogSettings;

  /// `socket` comes from LogProcess::take_socket().
  QueuedLog(const world::Clock& clock, Descriptor socket, const Settings& settings);
  /// Sends what waits, for at most `last_wait`.
  ~QueuedLog() override;

  void write(world::LogRecord record) override {
    if (takes(record.level)) write_to(main_journal, record);
  }
  [[nodiscard]] bool takes(world::LogLevel level) const override {
    return level <= level_.load(std::memory_order_relaxed);
  }

  // Any thread.
  /// Whatever its level.
  void write_to(JournalNumber journal, const world::LogRecord& record);
  void set_level(world::LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  void set_format(LogFormat format);
  void reopen();
  /// Goes on with another log process, when the one before has died.
  void reconnect(Descriptor socket);
  /// All that were dropped so far, for the counters.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void add(std::string message, bool urgent);
  void send_until_end();
  /// False: the end.
  bool wait_for_records(std::unique_lock<std::mutex>& lock);
  /// False: the log process has gone, or does not read at the end. What was not sent is lost.
  bool send(std::string_view messages);
  bool wait_for_room();
  [[nodiscard]] std::string report_dropped();

  const world::Clock& clock_;
  const Settings settings_;
  std::atomic<world::LogLevel> level_;
  std::atomic<std::uint64_t> dropped_ = 0;
  std::uint64_t reported_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;     ///< under the mutex
  bool urgent_ = false;     ///< under the mutex: do not gather, send
  bool ends_ = false;       ///< under the mutex
  Descriptor next_socket_;  ///< under the mutex
  std::atomic<bool> last_round_ = false;
  MonotonicTime last_moment_ = never;
  Descriptor socket_;  ///< of the thread
  Thread thread_;
};

}  // namespace posthorn::system
