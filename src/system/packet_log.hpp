// PacketLog: the world::Log of a process that has little to say: each record goes to the log process at once, and is lost
// when that does not read.
#pragma once

#include "system/descriptor.hpp"
#include "world/clock.hpp"
#include "world/log.hpp"

#include <string>

namespace posthorn::system {

class PacketLog final : public world::Log {
 public:
  PacketLog(const world::Clock& clock, world::LogLevel level) : clock_(clock), level_(level) {}

  void write(world::LogRecord record) override;
  [[nodiscard]] bool takes(world::LogLevel level) const override { return level <= level_; }

  /// Goes on with this log process; without one, what is written is lost.
  void connect(Descriptor socket) { socket_ = std::move(socket); }
  /// The log process opens its file anew.
  void reopen();
  void set_level(world::LogLevel level) { level_ = level; }
  /// To be given to others who log.
  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  void send(const std::string& packet);

  const world::Clock& clock_;
  world::LogLevel level_;
  Descriptor socket_;
};

}  // namespace posthorn::system
