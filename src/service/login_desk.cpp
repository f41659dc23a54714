#include "service/login_desk.hpp"

#include <algorithm>

namespace posthorn::service {

bool LoginDesk::is_locked(std::string_view name, const IpAddress& peer, MonotonicTime now) const {
  const std::lock_guard lock(mutex_);
  return guard_.is_locked(name, peer, now);
}

Duration LoginDesk::note_failure(std::string_view name, const IpAddress& peer, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  return guard_.note_failure(name, peer, now);
}

void LoginDesk::note_success(std::string_view name, const IpAddress& peer) {
  const std::lock_guard lock(mutex_);
  guard_.note_success(name, peer);
}

world::Task<std::optional<LoginDesk::Turn>> LoginDesk::turn(world::Loop& loop, IpAddress peer) {
  const auto waiter = join(loop, peer);
  if (waiter == nullptr) co_return std::nullopt;
  if (co_await waiter->granted.wait(after(loop.now(), settings_.patience)) || !leave(waiter)) {
    co_return Turn(*this, waiter->is_suspect);
  }
  co_return std::nullopt;
}

/// None: too many wait already.
std::shared_ptr<LoginDesk::Waiter> LoginDesk::join(world::Loop& loop, const IpAddress& peer) {
  const std::lock_guard lock(mutex_);
  const bool is_suspect = guard_.is_suspect(peer, loop.now());
  auto& queue = queue_of(is_suspect);
  if (queue.size() >= settings_.waiting) return nullptr;
  auto waiter = std::make_shared<Waiter>(loop, is_suspect);
  queue.push_back(waiter);
  grant();
  return waiter;
}

/// False: it was given a turn at the last moment.
bool LoginDesk::leave(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  if (waiter->has_turn) return false;
  std::erase(queue_of(waiter->is_suspect), waiter);
  return true;
}

void LoginDesk::end_turn(bool is_suspect) {
  const std::lock_guard lock(mutex_);
  --running_;
  if (is_suspect) --running_suspects_;
  grant();
}

void LoginDesk::grant() {
  while (auto waiter = next()) {
    waiter->has_turn = true;
    ++running_;
    if (waiter->is_suspect) ++running_suspects_;
    auto& loop = waiter->loop;
    loop.post([waiter = std::move(waiter)] { waiter->granted.set(); });
  }
}

/// Who comes next, taken out of its queue; none: nobody waits, or all places are taken.
std::shared_ptr<LoginDesk::Waiter> LoginDesk::next() {
  if (running_ >= settings_.checks) return nullptr;
  const bool has_place = running_suspects_ < std::max(1U, settings_.checks - 1);
  auto& queue = !others_.empty() || !has_place ? others_ : suspects_;
  if (queue.empty()) return nullptr;
  auto waiter = std::move(queue.front());
  queue.pop_front();
  return waiter;
}

}  // namespace posthorn::service
