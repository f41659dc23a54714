#include "store/spool_front.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::store {

SpoolItem::~SpoolItem() {
  if (waiter != nullptr) waiter->pending_ = nullptr;
}

// ---- the waiter ----

SpoolWait::~SpoolWait() {
  loop_.cancel_timer(timer_);
  if (pending_ != nullptr) pending_->waiter = nullptr;
}

void SpoolWait::await_suspend(std::coroutine_handle<> waiting) {
  waiting_ = waiting;
  pending_ = item_.get();
  pending_->waiter = this;
  pending_->loop = &loop_;
  if (deadline_ != never) timer_ = loop_.start_timer(deadline_, [this] { time_out(); });
  front_.add(std::move(item_));
}

void SpoolWait::finish(Result<> result) {
  loop_.cancel_timer(std::exchange(timer_, world::TimerId::none));
  pending_ = nullptr;
  result_ = std::move(result);
  waiting_.resume();
}

void SpoolWait::time_out() {
  timer_ = world::TimerId::none;
  pending_->is_abandoned = true;
  std::exchange(pending_, nullptr)->waiter = nullptr;
  result_ = failure(Error::Kind::timed_out, "the spool's disk did not answer in time");
  waiting_.resume();
}

// ---- the front ----

void SpoolFront::attach(std::function<void(Items)> write, std::function<void(const SpoolItem&)> on_abandoned,
                        std::function<void(SpoolItem&)> on_stored) {
  write_ = std::move(write);
  on_abandoned_ = std::move(on_abandoned);
  on_stored_ = std::move(on_stored);
}

void SpoolFront::add(ItemPointer item) {
  const std::lock_guard lock{mutex_};
  gathered_.push_back(std::move(item));
  if (std::exchange(is_writing_, true)) return;
  commit_worker_.run([this] { work(); });
}

void SpoolFront::work() {
  for (;;) {
    Items items;
    {
      const std::lock_guard lock{mutex_};
      items.swap(gathered_);
      is_writing_ = !items.empty();
    }
    if (items.empty()) return;
    write_(std::move(items));
  }
}

bool SpoolFront::is_idle() const {
  const std::lock_guard lock{mutex_};
  return !is_writing_ && gathered_.empty();
}

void SpoolFront::answer(Items items) {
  std::vector<std::pair<world::Loop*, Items>> by_loop;
  for (auto& item : items) {
    if (item->loop == nullptr) continue;
    auto found = std::ranges::find(by_loop, item->loop, &std::pair<world::Loop*, Items>::first);
    if (found == by_loop.end()) found = by_loop.emplace(by_loop.end(), item->loop, Items{});
    found->second.push_back(std::move(item));
  }
  for (auto& [loop, here] : by_loop) {
    loop->post([this, mine = std::move(here)]() mutable { answer_on_loop(mine); });
  }
}

void SpoolFront::answer_on_loop(Items& items) {
  for (auto& item : items) {
    if (auto* waiter = std::exchange(item->waiter, nullptr)) {
      if (item->result) on_stored_(*item);
      waiter->finish(std::move(item->result));
    } else if (item->is_abandoned && item->result) {
      on_abandoned_(*item);
    }
  }
}

}  // namespace posthorn::store
