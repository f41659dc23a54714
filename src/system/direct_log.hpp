// DirectLog: the world::Log of commands that are no server: each event goes to standard error at once.
#pragma once

#include "system/log_line.hpp"
#include "world/clock.hpp"
#include "world/log.hpp"

namespace posthorn::system {

class DirectLog final : public world::Log {
 public:
  explicit DirectLog(const world::Clock& clock, world::LogLevel level = world::LogLevel::warning,
                     LogFormat format = LogFormat::text)
      : clock_(clock), level_(level), format_(format) {}

  void write(world::LogRecord record) override;
  [[nodiscard]] bool takes(world::LogLevel level) const override { return level <= level_; }

 private:
  const world::Clock& clock_;
  world::LogLevel level_;
  LogFormat format_;
};

}  // namespace posthorn::system
