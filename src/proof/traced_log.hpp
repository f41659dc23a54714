// TracedLog: the server's log in a simulated run. Each record is a line of the trace, and is read by the book; what a server
// still wants to say in the moment in which it loses the power, nobody hears.
#pragma once

#include "proof/trace.hpp"
#include "sim/disk.hpp"
#include "world/log.hpp"

#include <functional>
#include <string>
#include <utility>

namespace posthorn::proof {

class TracedLog final : public world::Log {
 public:
  /// Told of each record.
  using Reader = std::function<void(const world::LogRecord&)>;
  TracedLog(Trace& trace, const sim::Disk& disk, Reader reader)
      : trace_(trace), disk_(disk), reader_(std::move(reader)) {}

  void write(world::LogRecord record) override;
  [[nodiscard]] bool takes(world::LogLevel /*level*/) const override { return true; }

 private:
  Trace& trace_;
  const sim::Disk& disk_;
  Reader reader_;
  std::string fields_;  // of the record before: its memory is used again
};

}  // namespace posthorn::proof
