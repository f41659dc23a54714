// DirectorySource: the directory as it is now, read again when its files have changed. Receptions and deliveries on all
// loops read the snapshot; a reload that fails keeps the old one (invariant 8) and says so in the log.
#pragma once

#include "base/result.hpp"
#include "rules/directory.hpp"
#include "service/policy.hpp"
#include "world/log.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"
#include "world/workers.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace posthorn::service {

class DirectorySource {
 public:
  /// Reads the files if they have changed since it was last called; none: they have not. Called on a worker, one call at a
  /// time.
  using Reader = std::function<Result<std::shared_ptr<const rules::Directory>>()>;

  DirectorySource(std::shared_ptr<const rules::Directory> first, Reader read_if_changed, world::Workers& workers,
                  world::Log& log);

  /// Any thread.
  [[nodiscard]] std::shared_ptr<const rules::Directory> current() const { return snapshot_.current(); }
  /// Looks at the files, at most once in `look_interval`, whoever asks: the answer is that of a look which began after the
  /// question, if it comes within `patience`. True: there is a newer directory now. Any loop.
  [[nodiscard]] world::Task<bool> refresh(world::Loop& loop);
  /// For the reload that an administrator asked for: not limited in rate.
  [[nodiscard]] world::Task<bool> refresh_now(world::Loop& loop);
  /// Reads other files from now on (the configuration changed).
  void change_reader(Reader read_if_changed);

  static constexpr Duration look_interval = std::chrono::milliseconds{100};
  static constexpr Duration patience = std::chrono::seconds{5};

 private:
  class Look;

  /// When the next look is not too early.
  [[nodiscard]] MonotonicTime next_look() const;

  Snapshot<rules::Directory> snapshot_;
  std::mutex mutex_;
  Reader read_if_changed_;
  world::Workers& workers_;
  world::Log& log_;
  std::atomic<bool> is_looking_ = false;
  std::atomic<MonotonicTime> looked_at_ = MonotonicTime::min();  ///< when the last look began
  std::atomic<MonotonicTime> seen_of_ = MonotonicTime::min();    ///< when the last look began that has ended
};

}  // namespace posthorn::service
