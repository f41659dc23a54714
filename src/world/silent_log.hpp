// A log that nobody reads: for commands that use a part of the server and say themselves what there is to say.
#pragma once

#include "world/log.hpp"

namespace posthorn::world {

class SilentLog final : public Log {
 public:
  void write(LogRecord /*record*/) override {}
  [[nodiscard]] bool takes(LogLevel /*level*/) const override { return false; }
};

}  // namespace posthorn::world
