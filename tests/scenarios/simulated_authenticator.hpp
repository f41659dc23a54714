// An authenticator for scenarios: users and passwords in memory, PLAIN only, each check takes its time on the simulated
// clock. It counts how many checks there were and how many ran at once.
#pragma once

#include "world/authenticator.hpp"
#include "world/wait.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace posthorn::scenarios {

class SimulatedAuthenticator final : public world::Authenticator {
 public:
  std::map<std::string, std::string> passwords{{"alice", "sesame"}, {"bob", "hunter2"}};
  Duration cost = std::chrono::milliseconds{100};
  bool is_in_trouble = false;
  unsigned checks = 0;
  unsigned running = 0;
  unsigned most_running = 0;

  world::Task<world::AuthOffer> offer(world::Loop&) override { co_return world::AuthOffer{.passwords = true}; }
  [[nodiscard]] std::unique_ptr<world::AuthExchange> begin(world::Loop& loop, world::AuthStart) override {
    return std::make_unique<Exchange>(*this, loop);
  }

 private:
  class Exchange final : public world::AuthExchange {
   public:
    Exchange(SimulatedAuthenticator& owner, world::Loop& loop) : owner_(owner), loop_(loop) {}

    world::Task<world::AuthAnswer> respond(std::optional<Secret> response, MonotonicTime) override {
      using Kind = world::AuthAnswer::Kind;
      if (!response) co_return world::AuthAnswer{Kind::challenge, {}};
      const std::string words(response->reveal());
      const auto second = words.find('\0', 1);
      if (!words.starts_with('\0') || second == std::string::npos) co_return world::AuthAnswer{};
      name_ = words.substr(1, second - 1);
      password_ = words.substr(second + 1);
      co_return world::AuthAnswer{Kind::claim, name_};
    }
    world::Task<world::AuthAnswer> proceed(MonotonicTime) override {
      using Kind = world::AuthAnswer::Kind;
      ++owner_.checks;
      owner_.most_running = std::max(owner_.most_running, ++owner_.running);
      co_await world::sleep_until(loop_, after(loop_.now(), owner_.cost));
      --owner_.running;
      if (owner_.is_in_trouble) co_return world::AuthAnswer{Kind::trouble, "planted"};
      const auto found = owner_.passwords.find(name_);
      const bool right = found != owner_.passwords.end() && found->second == password_;
      co_return right ? world::AuthAnswer{Kind::success, name_} : world::AuthAnswer{};
    }

   private:
    SimulatedAuthenticator& owner_;
    world::Loop& loop_;
    std::string name_;
    std::string password_;
  };
};

}  // namespace posthorn::scenarios
