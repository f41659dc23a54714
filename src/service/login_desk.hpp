// LoginDesk: where all sessions of the server, on all loops, come together when somebody logs in. It keeps the memory of
// failures (rules::LoginGuard) and gives turns at the check of passwords, which costs processor time on purpose: addresses
// with failures behind them wait behind those without and never hold every place, so that strangers who guess do not slow
// whoever has the right password. Bounded: turns at once, tasks that wait, and how long they do. Any thread.
#pragma once

#include "rules/login_guard.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"
#include "world/wait.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace posthorn::service {

class LoginDesk {
 public:
  struct Settings {
    rules::LoginGuard::Settings guard{.longest_delay = std::chrono::seconds{30}};  ///< the policy says less
    unsigned checks = 2;                                                           ///< at once
    std::size_t waiting = 1'000;                                                   ///< more are sent away: try later
    Duration patience = std::chrono::seconds{20};
  };

  /// The right to check one password; given back when it goes.
  class Turn {
   public:
    Turn(LoginDesk& desk, bool is_suspect) : desk_(&desk), is_suspect_(is_suspect) {}
    Turn(Turn&& other) noexcept : desk_(std::exchange(other.desk_, nullptr)), is_suspect_(other.is_suspect_) {}
    Turn& operator=(Turn&&) = delete;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (desk_ != nullptr) desk_->end_turn(is_suspect_);
    }

   private:
    LoginDesk* desk_;
    bool is_suspect_;
  };

  LoginDesk(const Settings& settings, KeyedHash::Key key) : settings_(settings), guard_(settings.guard, key) {}

  [[nodiscard]] bool is_locked(std::string_view name, const IpAddress& peer, MonotonicTime now) const;
  [[nodiscard]] Duration note_failure(std::string_view name, const IpAddress& peer, MonotonicTime now);
  void note_success(std::string_view name, const IpAddress& peer);

  /// Waits for a turn; none: too many wait, or it took too long.
  [[nodiscard]] world::Task<std::optional<Turn>> turn(world::Loop& loop, IpAddress peer);

 private:
  struct Waiter {
    Waiter(world::Loop& home, bool suspect) : loop(home), granted(home), is_suspect(suspect) {}
    world::Loop& loop;
    world::Event granted;  // touched on the loop only
    bool is_suspect;
    bool has_turn = false;  // guarded by the mutex
  };

  [[nodiscard]] std::shared_ptr<Waiter> join(world::Loop& loop, const IpAddress& peer);
  [[nodiscard]] bool leave(const std::shared_ptr<Waiter>& waiter);
  void end_turn(bool is_suspect);
  void grant();
  [[nodiscard]] std::shared_ptr<Waiter> next();
  [[nodiscard]] std::deque<std::shared_ptr<Waiter>>& queue_of(bool is_suspect) {
    return is_suspect ? suspects_ : others_;
  }

  Settings settings_;
  mutable std::mutex mutex_;
  rules::LoginGuard guard_;
  std::deque<std::shared_ptr<Waiter>> others_;
  std::deque<std::shared_ptr<Waiter>> suspects_;
  unsigned running_ = 0;
  unsigned running_suspects_ = 0;
};

}  // namespace posthorn::service
