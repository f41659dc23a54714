// Gives each accepted message the parts of its Maildir file names (DESIGN.md, mission B): the time in seconds, the
// process id and a counter shared by every flow of execution. One object for the whole server. Any thread.
// The counter goes on where no earlier start of the spool has been, so that no name is given twice, whatever process id and
// time a later start has: a mail whose name is in the mailbox already would count as delivered.
#pragma once

#include "base/message_id.hpp"
#include "base/time.hpp"
#include "store/spool_types.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace posthorn::service {

class DeliveryNames {
 public:
  DeliveryNames(std::string host, std::uint32_t process) : host_(std::move(host)), process_(process) {}

  /// Before the first name. `id`: a message id of this start of the spool, all of which are beyond those of earlier ones.
  void begin_start(MessageId id) { next_ = id.value(); }
  /// A name for a message with so many recipients: the n-th recipient's file counts n further, so that each has its own.
  [[nodiscard]] store::DeliveryName make(WallTime now, std::uint64_t recipients) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    return {.seconds = seconds.time_since_epoch().count(),
            .microseconds = static_cast<std::uint32_t>((now - seconds).count()),
            .process = process_,
            .counter = next_.fetch_add(recipients, std::memory_order_relaxed),
            .host = host_};
  }

 private:
  std::string host_;
  std::uint32_t process_;
  std::atomic<std::uint64_t> next_ = 1;
};

}  // namespace posthorn::service
