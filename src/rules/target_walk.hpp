// TargetWalk: from one target to the next (mission B, RFC 5321 §5.1): another host only after a temporary failure or a dead
// connection, none after a success or a permanent refusal. HostMemory: which endpoints were dead a moment ago, so that they
// are tried last; never left out, so that no message waits for the memory to fade (FAULTS F49).
#pragma once

#include "rules/mx_plan.hpp"
#include "smtp/client_effect.hpp"

#include "base/time.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace posthorn::rules {

/// Whether a recipient with this outcome may be tried at another host at once. Not: what is decided, what is in doubt, and
/// who was told to come back later (greylisting goes by our address, and would begin anew at each host).
[[nodiscard]] bool may_try_elsewhere(const smtp::Outcome& outcome);

class TargetWalk {
 public:
  /// How a try ended for those recipients that may be tried elsewhere.
  enum class Ended : std::uint8_t {
    unreachable,  ///< no session came about: another address of the host may do
    refused,      ///< the host answered, and would not now: another host may
  };

  /// `targets`: at least one. At most `tries` of them are tried.
  TargetWalk(std::vector<Target> targets, std::size_t tries);

  [[nodiscard]] bool at_end() const { return at_ == targets_.size() || tries_ == 0; }
  /// Not at the end.
  [[nodiscard]] const Target& current() const { return targets_[at_]; }
  void go_on(Ended ended);

 private:
  std::vector<Target> targets_;
  std::size_t at_ = 0;
  std::size_t tries_;
};

class HostMemory {
 public:
  struct Settings {
    Duration time = std::chrono::minutes{3};
    std::size_t endpoints = 10'000;
  };

  HostMemory() = default;
  explicit HostMemory(const Settings& settings) : settings_(settings) {}

  void note_dead(const Endpoint& endpoint, MonotonicTime now);
  void note_alive(const Endpoint& endpoint);
  [[nodiscard]] bool is_dead(const Endpoint& endpoint, MonotonicTime now) const;
  /// The same targets, those that are dead behind the others; otherwise in their order.
  void put_dead_last(std::vector<Target>& targets, MonotonicTime now) const;
  [[nodiscard]] std::size_t size() const { return until_.size(); }

 private:
  void forget(const Endpoint& endpoint);

  Settings settings_;
  std::map<Endpoint, MonotonicTime> until_;
  std::set<std::pair<MonotonicTime, Endpoint>> oldest_;  // the same
};

}  // namespace posthorn::rules
