// Signals as values on a loop. They are blocked in every thread and read from a descriptor, so that no handler ever runs.
#pragma once

#include "base/result.hpp"
#include "system/polled_descriptor.hpp"
#include "world/task.hpp"

#include <cstdint>
#include <memory>

namespace posthorn::system {

enum class Signal : std::uint8_t {
  stop,       ///< SIGTERM
  interrupt,  ///< SIGINT
  reload,     ///< SIGHUP
  child,      ///< SIGCHLD: a child ended
};

/// Blocks the signals above in this thread and in those it starts, and ignores what would end us for a broken pipe or a
/// file past its limit: those are errors of a call. Before threads are started.
void prepare_signals();

class SignalWatch {
 public:
  /// After prepare_signals(). One per process.
  static Result<std::unique_ptr<SignalWatch>> make(EventLoop& loop);
  explicit SignalWatch(PolledDescriptor descriptor) : descriptor_(std::move(descriptor)) {}

  /// The next signal; `closed` after close().
  world::Task<Result<Signal>> next();
  void close() { descriptor_.cancel(); }

 private:
  PolledDescriptor descriptor_;
};

}  // namespace posthorn::system
