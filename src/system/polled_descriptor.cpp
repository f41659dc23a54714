#include "system/polled_descriptor.hpp"

#include "base/assert.hpp"
#include "system/loop_core.hpp"
#include "system/system_error.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::system {

/// Shared with the handlers that Asio holds, which may come back after the owner has gone.
class PolledDescriptor::State : public std::enable_shared_from_this<State> {
 public:
  explicit State(EventLoop& event_loop) : loop(event_loop), descriptor(event_loop.core().context) {}

  void start(Direction direction, std::coroutine_handle<> waiting, MonotonicTime deadline) {
    auto& slot = slots_.at(static_cast<std::size_t>(direction));
    ensure(!slot.waiting, "one wait per direction at a time");
    slot.waiting = waiting;
    slot.deadline = deadline;
    slot.interrupted = false;
    if (!slot.armed) arm(direction);
    watch(deadline);
  }

  void forget(Direction direction) { slots_.at(static_cast<std::size_t>(direction)).waiting = {}; }
  [[nodiscard]] Readiness result(Direction direction) const {
    return slots_.at(static_cast<std::size_t>(direction)).result;
  }

  void interrupt(Direction direction) {
    auto& slot = slots_.at(static_cast<std::size_t>(direction));
    if (!slot.waiting || std::exchange(slot.interrupted, true)) return;
    loop.post([self = shared_from_this(), &slot] {
      if (slot.interrupted) finish(slot, Readiness::interrupted);
    });
  }

  void cancel() {
    cancelled = true;
    loop.cancel_timer(std::exchange(timer_, world::TimerId::none));
    boost::system::error_code ignored;
    descriptor.cancel(ignored);
  }

  void close() {
    cancel();
    boost::system::error_code ignored;
    descriptor.close(ignored);
  }

  EventLoop& loop;
  boost::asio::posix::basic_stream_descriptor<EventLoop::Core::Executor> descriptor;
  bool cancelled = false;

 private:
  struct Slot {
    std::coroutine_handle<> waiting;
    MonotonicTime deadline = never;
    Readiness result = Readiness::ready;
    bool interrupted = false;
    bool armed = false;  ///< Asio holds a handler for this direction
  };

  /// A handler outlives a wait that timed out, and serves the next one.
  void arm(Direction direction) {
    auto& slot = slots_.at(static_cast<std::size_t>(direction));
    slot.armed = true;
    const auto type = direction == Direction::read ? boost::asio::posix::descriptor_base::wait_read
                                                   : boost::asio::posix::descriptor_base::wait_write;
    descriptor.async_wait(type, [self = shared_from_this(), &slot](const boost::system::error_code& /*why*/) {
      slot.armed = false;
      finish(slot, self->cancelled ? Readiness::closed : Readiness::ready);
    });
  }

  static void finish(Slot& slot, Readiness result) {
    if (!slot.waiting) return;
    slot.result = result;
    std::exchange(slot.waiting, {}).resume();
  }

  void watch(MonotonicTime deadline) {
    if (deadline >= timer_at_) return;
    loop.cancel_timer(timer_);
    timer_at_ = deadline;
    timer_ = loop.start_timer(deadline, [this] { on_timer(); });
  }

  void on_timer() {
    const auto self = shared_from_this();
    timer_ = world::TimerId::none;
    timer_at_ = never;
    const auto now = loop.now();
    for (auto& slot : slots_) {
      if (slot.waiting && slot.deadline <= now) finish(slot, Readiness::timed_out);
    }
    if (cancelled) return;
    for (const auto& slot : slots_) {
      if (slot.waiting) watch(slot.deadline);
    }
  }

  std::array<Slot, 2> slots_;
  world::TimerId timer_ = world::TimerId::none;
  MonotonicTime timer_at_ = never;
};

Result<PolledDescriptor> PolledDescriptor::make(EventLoop& loop, Descriptor descriptor) {
  auto state = std::make_shared<State>(loop);
  boost::system::error_code error;
  state->descriptor.assign(descriptor.get(), error);
  if (error) return system_failure("watch a descriptor", error.value());
  static_cast<void>(descriptor.release());
  return PolledDescriptor{std::move(state)};
}

PolledDescriptor::PolledDescriptor(std::shared_ptr<State> state) : state_(std::move(state)) {}

PolledDescriptor& PolledDescriptor::operator=(PolledDescriptor&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

PolledDescriptor::~PolledDescriptor() {
  if (state_) state_->close();
}

int PolledDescriptor::get() const { return state_->descriptor.native_handle(); }
EventLoop& PolledDescriptor::loop() const { return state_->loop; }
bool PolledDescriptor::is_cancelled() const { return state_->cancelled; }
void PolledDescriptor::interrupt(Direction direction) { state_->interrupt(direction); }
void PolledDescriptor::cancel() { state_->cancel(); }
void PolledDescriptor::allow_waits() { state_->cancelled = false; }
void PolledDescriptor::close() { state_->close(); }

PolledDescriptor::Wait::~Wait() {
  if (waited_) state_.forget(direction_);
}
bool PolledDescriptor::Wait::await_ready() const { return state_.cancelled; }
void PolledDescriptor::Wait::await_suspend(std::coroutine_handle<> waiting) {
  waited_ = true;
  state_.start(direction_, waiting, deadline_);
}
Readiness PolledDescriptor::Wait::await_resume() const {
  return state_.cancelled ? Readiness::closed : state_.result(direction_);
}

}  // namespace posthorn::system
