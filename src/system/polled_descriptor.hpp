// PolledDescriptor: a non-blocking descriptor on an event loop, and the waits for it to become readable or writable.
// One wait per direction at a time. Deadlines are watched by one timer per descriptor, which is set anew only when it
// rings or an earlier deadline comes: a session that waits a thousand times touches it a handful of times.
// The loop's thread only.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "system/descriptor.hpp"
#include "system/event_loop.hpp"

#include <coroutine>
#include <cstdint>
#include <memory>

namespace posthorn::system {

enum class Readiness : std::uint8_t {
  ready,        ///< try again: the call may still find nothing
  timed_out,    ///< the deadline passed
  interrupted,  ///< by interrupt()
  closed,       ///< our own side cancelled or closed
};

class PolledDescriptor {
 public:
  enum class Direction : std::uint8_t { read, write };
  class State;

  /// Takes a descriptor that is non-blocking. Errors: not_permitted (a regular file), no_space, no_memory.
  static Result<PolledDescriptor> make(EventLoop& loop, Descriptor descriptor);
  PolledDescriptor(PolledDescriptor&&) noexcept = default;
  PolledDescriptor& operator=(PolledDescriptor&&) noexcept;
  ~PolledDescriptor();

  [[nodiscard]] int get() const;
  [[nodiscard]] EventLoop& loop() const;
  [[nodiscard]] bool is_cancelled() const;

  class [[nodiscard]] Wait {
   public:
    Wait(State& state, Direction direction, MonotonicTime deadline)
        : state_(state), direction_(direction), deadline_(deadline) {}
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait();
    [[nodiscard]] bool await_ready() const;
    void await_suspend(std::coroutine_handle<> waiting);
    [[nodiscard]] Readiness await_resume() const;

   private:
    State& state_;
    Direction direction_;
    MonotonicTime deadline_;
    bool waited_ = false;
  };
  /// co_await descriptor.wait(Direction::read, deadline)
  Wait wait(Direction direction, MonotonicTime deadline) { return {*state_, direction, deadline}; }

  /// Ends the wait in this direction with `interrupted`, after what is running now; if there is none, nothing happens.
  void interrupt(Direction direction);
  /// Ends the waits with `closed`, those to come too; the descriptor stays open.
  void cancel();
  /// Takes cancel() back, when nobody waits any more.
  void allow_waits();
  /// As cancel(), and closes the descriptor.
  void close();

 private:
  explicit PolledDescriptor(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace posthorn::system
