// JournalLog: a part of a server's log with a level of its own, and a file of its own where the log process has one for its
// number.
#pragma once

#include "system/queued_log.hpp"

#include <atomic>

namespace posthorn::system {

class JournalLog final : public world::Log {
 public:
  /// `queue` outlives it.
  JournalLog(QueuedLog& queue, JournalNumber number, world::LogLevel level)
      : queue_(queue), number_(number), level_(level) {}

  void write(world::LogRecord record) override {
    if (takes(record.level)) queue_.write_to(number_, record);
  }
  [[nodiscard]] bool takes(world::LogLevel level) const override {
    return level <= level_.load(std::memory_order_relaxed);
  }
  /// Any thread.
  void set_level(world::LogLevel level) { level_.store(level, std::memory_order_relaxed); }

 private:
  QueuedLog& queue_;
  JournalNumber number_;
  std::atomic<world::LogLevel> level_;
};

}  // namespace posthorn::system
