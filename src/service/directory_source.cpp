#include "service/directory_source.hpp"

#include <mutex>
#include <utility>

namespace posthorn::service {

DirectorySource::DirectorySource(std::shared_ptr<const rules::Directory> first, Reader read_if_changed,
                                 world::Workers& workers, world::Log& log)
    : snapshot_(std::move(first)), read_if_changed_(std::move(read_if_changed)), workers_(workers), log_(log) {}

world::Task<bool> DirectorySource::refresh(world::Loop& loop) {
  const auto now = loop.now().time_since_epoch();
  auto last = looked_at_.load(std::memory_order_relaxed);
  const bool is_due = last == Duration::min().count() || now - Duration{last} >= look_interval;
  if (!is_due || !looked_at_.compare_exchange_strong(last, now.count(), std::memory_order_relaxed)) co_return false;
  co_return co_await refresh_now(loop);
}

world::Task<bool> DirectorySource::refresh_now(world::Loop& loop) {
  auto read = co_await world::on_workers(workers_, loop, [this] {
    const std::lock_guard lock(mutex_);
    return read_if_changed_();
  });
  if (!read) {
    log_.error("directory.unreadable",
               {{"error", read.error().text}, {"what_to_do", "mend the file; until then the directory stays as it was"}});
    co_return false;
  }
  if (*read == nullptr) co_return false;
  snapshot_.replace(std::move(*read));
  log_.info("directory.read", {{"users", current()->user_count()}});
  co_return true;
}

void DirectorySource::change_reader(Reader read_if_changed) {
  const std::lock_guard lock(mutex_);
  read_if_changed_ = std::move(read_if_changed);
}

}  // namespace posthorn::service
