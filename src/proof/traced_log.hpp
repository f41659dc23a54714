// TracedLog: the server's log in a simulated run. Each record is a line of the trace; some are counted.
#pragma once

#include "proof/trace.hpp"
#include "world/log.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::proof {

class TracedLog final : public world::Log {
 public:
  /// Told of each record.
  using Reader = std::function<void(const world::LogRecord&)>;
  TracedLog(Trace& trace, Reader reader) : trace_(trace), reader_(std::move(reader)) {}

  void write(world::LogRecord record) override;
  [[nodiscard]] bool takes(world::LogLevel /*level*/) const override { return true; }
  [[nodiscard]] std::uint64_t count(std::string_view event) const;

 private:
  Trace& trace_;
  Reader reader_;
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

}  // namespace posthorn::proof
