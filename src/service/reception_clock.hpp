// ReceptionClock: until when a reception may wait for its client. A command line has command_timeout from the moment it is
// waited for, however slowly its bytes trickle in; data has it between two reads, and over each window it must come at
// the least rate, so that a client that sends a byte a minute is ended (RFC 5321 §4.5.3.2, issue of slow senders).
#pragma once

#include "base/time.hpp"
#include "service/policy.hpp"

#include <cstdint>

namespace posthorn::service {

class ReceptionClock {
 public:
  explicit ReceptionClock(const ReceptionPolicy& policy)
      : timeout_(policy.command_timeout), rate_(policy.data_rate), window_(policy.rate_window) {}

  /// The client may speak from now on: a command, or the first data.
  void start_wait(MonotonicTime now) { wait_began_ = now; }
  /// `octets` came. Commands answered so far show whether a whole command was among them.
  void note_read(MonotonicTime now, std::size_t octets, bool reading_data);
  void note_commands(MonotonicTime now, std::uint32_t commands);

  /// When the read that comes next must be given up.
  [[nodiscard]] MonotonicTime deadline() const;
  /// At a deadline: data came slower than it must.
  [[nodiscard]] bool is_too_slow(MonotonicTime now) const;
  /// At a deadline: nothing is wrong yet, the next window begins.
  [[nodiscard]] bool goes_on(MonotonicTime now);

 private:
  [[nodiscard]] std::uint64_t least_octets() const {
    return rate_ * static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(window_).count());
  }

  Duration timeout_;
  std::uint64_t rate_;
  Duration window_;
  MonotonicTime wait_began_{};
  MonotonicTime window_began_{};
  std::uint64_t window_octets_ = 0;
  std::uint32_t commands_ = 0;
  bool in_data_ = false;
};

}  // namespace posthorn::service
