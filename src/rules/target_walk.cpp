#include "rules/target_walk.hpp"

#include "base/assert.hpp"
#include "rules/retry_schedule.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace posthorn::rules {

bool may_try_elsewhere(const smtp::Outcome& outcome) {
  return outcome.kind == smtp::Outcome::Kind::temporary && !is_greylisting(outcome.text);
}

TargetWalk::TargetWalk(std::vector<Target> targets, std::size_t tries) : targets_(std::move(targets)), tries_(tries) {
  ensure(!targets_.empty() && tries > 0, "a walk has somewhere to go");
}

void TargetWalk::go_on(Ended ended) {
  ensure(!at_end(), "a walk goes on while there is a target");
  const auto host = current().host;
  --tries_;
  ++at_;
  if (ended == Ended::unreachable) return;
  while (at_ < targets_.size() && targets_[at_].host == host) ++at_;
}

void HostMemory::note_dead(const Endpoint& endpoint, MonotonicTime now) {
  forget(endpoint);
  const auto until = after(now, settings_.time);
  until_.emplace(endpoint, until);
  oldest_.emplace(until, endpoint);
  if (until_.size() > settings_.endpoints) forget(Endpoint{oldest_.begin()->second});
}

void HostMemory::note_alive(const Endpoint& endpoint) { forget(endpoint); }

void HostMemory::forget(const Endpoint& endpoint) {
  const auto found = until_.find(endpoint);
  if (found == until_.end()) return;
  oldest_.erase({found->second, endpoint});
  until_.erase(found);
}

bool HostMemory::is_dead(const Endpoint& endpoint, MonotonicTime now) const {
  const auto found = until_.find(endpoint);
  return found != until_.end() && now < found->second;
}

void HostMemory::put_dead_last(std::vector<Target>& targets, MonotonicTime now) const {
  std::vector<Target> alive;
  std::vector<Target> dead;
  for (auto& target : targets) (is_dead(target.endpoint, now) ? dead : alive).push_back(std::move(target));
  std::ranges::move(dead, std::back_inserter(alive));
  targets = std::move(alive);
}

}  // namespace posthorn::rules
