// The waits that everything else is made of: sleep, an event, a move to another loop. Each takes a deadline or is short by
// nature; a wait that ends by its deadline says so by its value. Header-only awaitables, no frame of their own.
#pragma once

#include "base/assert.hpp"
#include "world/loop.hpp"

#include <coroutine>
#include <utility>
#include <vector>

namespace posthorn::world {

/// co_await sleep_until(loop, when): goes on at `when`, on the loop.
class [[nodiscard]] sleep_until {
 public:
  sleep_until(Loop& loop, MonotonicTime when) : loop_(loop), when_(when) {}
  sleep_until(const sleep_until&) = delete;
  sleep_until& operator=(const sleep_until&) = delete;
  ~sleep_until() { loop_.cancel_timer(timer_); }

  [[nodiscard]] bool await_ready() const { return when_ <= loop_.now(); }
  void await_suspend(std::coroutine_handle<> waiting) {
    timer_ = loop_.start_timer(when_, [this, waiting] {
      timer_ = TimerId::none;
      waiting.resume();
    });
  }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
  MonotonicTime when_;
  TimerId timer_ = TimerId::none;
};

/// co_await move_to(loop): goes on on that loop's thread, after what runs there now. The task must not hold what belongs
/// to the loop it leaves. Awaited on the loop itself, it lets the others run first.
class [[nodiscard]] move_to {
 public:
  explicit move_to(Loop& loop) : loop_(loop) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    loop_.post([waiting] { waiting.resume(); });
  }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
};

/// Something that happens, and tasks of the same loop that wait for it. Stays set until cleared, so that a notice that
/// comes before the wait is not lost.
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { ensure(waiters_.empty(), "an event outlives its waiters"); }

  [[nodiscard]] bool is_set() const { return set_; }
  void clear() { set_ = false; }
  /// Wakes all that wait; they go on after what is running now.
  void set() {
    set_ = true;
    for (auto* waiter : std::exchange(waiters_, {})) waiter->wake();
  }

  class [[nodiscard]] Wait {
   public:
    Wait(Event& event, MonotonicTime deadline) : event_(event), deadline_(deadline) {}
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() { leave(); }

    [[nodiscard]] bool await_ready() const { return event_.set_; }
    void await_suspend(std::coroutine_handle<> waiting) {
      waiting_ = waiting;
      event_.waiters_.push_back(this);
      if (deadline_ != never) start_timer(deadline_, false);
    }
    /// True: it happened. False: the deadline passed first.
    bool await_resume() const noexcept { return happened_ || event_.set_; }

   private:
    friend class Event;
    void start_timer(MonotonicTime when, bool happened) {
      timer_ = event_.loop_.start_timer(when, [this, happened] {
        timer_ = TimerId::none;
        happened_ = happened;
        leave();
        waiting_.resume();
      });
    }
    void wake() {
      event_.loop_.cancel_timer(timer_);
      start_timer(event_.loop_.now(), true);
    }
    void leave() {
      event_.loop_.cancel_timer(timer_);
      timer_ = TimerId::none;
      std::erase(event_.waiters_, this);
    }

    Event& event_;
    MonotonicTime deadline_;
    std::coroutine_handle<> waiting_;
    TimerId timer_ = TimerId::none;
    bool happened_ = false;
  };

  /// co_await event.wait(deadline)
  [[nodiscard]] Wait wait(MonotonicTime deadline) { return {*this, deadline}; }

 private:
  Loop& loop_;
  std::vector<Wait*> waiters_;
  bool set_ = false;
};

}  // namespace posthorn::world
