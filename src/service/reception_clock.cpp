#include "service/reception_clock.hpp"

#include <algorithm>

namespace posthorn::service {

void ReceptionClock::note_read(MonotonicTime now, std::size_t octets, bool reading_data) {
  if (!reading_data) {
    in_data_ = false;
    return;
  }
  if (!in_data_ || now >= after(window_began_, window_)) {
    window_began_ = now;
    window_octets_ = 0;
  }
  in_data_ = true;
  window_octets_ += octets;
  wait_began_ = now;
}

void ReceptionClock::note_commands(MonotonicTime now, std::uint32_t commands) {
  if (commands == commands_) return;
  commands_ = commands;
  wait_began_ = now;
}

MonotonicTime ReceptionClock::deadline() const {
  const auto by_wait = after(wait_began_, timeout_);
  return in_data_ && rate_ > 0 ? std::min(by_wait, after(window_began_, window_)) : by_wait;
}

bool ReceptionClock::is_too_slow(MonotonicTime now) const {
  return in_data_ && rate_ > 0 && now >= after(window_began_, window_) && window_octets_ < least_octets();
}

bool ReceptionClock::goes_on(MonotonicTime now) {
  if (now >= after(wait_began_, timeout_)) return false;
  window_began_ = now;
  window_octets_ = 0;
  return true;
}

}  // namespace posthorn::service
