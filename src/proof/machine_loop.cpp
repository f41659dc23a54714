#include "proof/machine_loop.hpp"

#include <utility>

namespace posthorn::proof {

void MachineLoop::Kept::run(std::uint64_t number) {
  auto found = waiting.extract(number);
  if (!found.empty() && !is_over) found.mapped().callback();
}

std::uint64_t MachineLoop::keep(world::Callback callback) {
  kept_->waiting.emplace(++last_number_, Waiting{std::move(callback)});
  return last_number_;
}

void MachineLoop::post(world::Callback callback) {
  if (kept_->is_over) return;
  if (in_job_) {
    posted_in_job_.push_back(std::move(callback));
    return;
  }
  loop_.post([kept = kept_, number = keep(std::move(callback))] { kept->run(number); });
}

world::TimerId MachineLoop::start_timer(MonotonicTime when, world::Callback callback) {
  if (when == never || kept_->is_over) return world::TimerId::none;
  const auto number = keep(std::move(callback));
  kept_->waiting[number].timer = loop_.start_timer(when, [kept = kept_, number] { kept->run(number); });
  return world::TimerId{number};
}

void MachineLoop::cancel_timer(world::TimerId timer) {
  const auto found = kept_->waiting.extract(static_cast<std::uint64_t>(timer));
  if (!found.empty()) loop_.cancel_timer(found.mapped().timer);
}

void MachineLoop::end_job(Duration took) {
  in_job_ = false;
  auto posted = std::exchange(posted_in_job_, {});
  if (posted.empty() || kept_->is_over) return;
  if (took > Duration{}) {
    start_timer(after(loop_.now(), took), [this, late = std::move(posted)]() mutable {
      for (auto& callback : late) post(std::move(callback));
    });
    return;
  }
  for (auto& callback : posted) post(std::move(callback));
}

}  // namespace posthorn::proof
