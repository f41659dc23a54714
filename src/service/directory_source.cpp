#include "service/directory_source.hpp"

#include "world/wait.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace posthorn::service {

DirectorySource::DirectorySource(std::shared_ptr<const rules::Directory> first, Reader read_if_changed,
                                 world::Workers& workers, world::Log& log)
    : snapshot_(std::move(first)), read_if_changed_(std::move(read_if_changed)), workers_(workers), log_(log) {}

/// One at a time.
class DirectorySource::Look {
 public:
  explicit Look(DirectorySource& source, MonotonicTime now)
      : source_(source), has_begun_(now >= source.next_look() && !source.is_looking_.exchange(true)) {
    if (has_begun_) source.looked_at_ = now;
  }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;
  ~Look() {
    if (has_begun_) source_.is_looking_ = false;
  }

  [[nodiscard]] bool has_begun() const { return has_begun_; }
  void end() { source_.seen_of_ = source_.looked_at_.load(); }

 private:
  DirectorySource& source_;
  bool has_begun_;
};

MonotonicTime DirectorySource::next_look() const {
  const auto last = looked_at_.load();
  return last == MonotonicTime::min() ? last : after(last, look_interval);
}

world::Task<bool> DirectorySource::refresh(world::Loop& loop) {
  constexpr Duration moment = std::chrono::milliseconds{5};
  const auto before = current();
  const auto asked = loop.now();
  while (seen_of_.load() < asked && loop.now() < after(asked, patience)) {
    const auto now = loop.now();
    if (Look look(*this, now); look.has_begun()) {
      static_cast<void>(co_await refresh_now(loop));
      look.end();
      break;
    }
    // Another's look is under way, or it is too early for the next.
    co_await world::sleep_until(loop, std::max(after(now, moment), next_look()));
  }
  co_return current() != before;
}

world::Task<bool> DirectorySource::refresh_now(world::Loop& loop) {
  auto read = co_await world::on_workers(workers_, loop, [this] {
    const std::lock_guard lock(mutex_);
    return read_if_changed_();
  });
  if (!read) {
    log_.error("directory.unreadable", {{"error", read.error().text},
                                        {"what_to_do", "mend the file; until then the directory stays as it was"}});
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
