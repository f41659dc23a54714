// Traffic: what goes in at the front, counted for the metrics. Any thread; each count is one relaxed addition.
#pragma once

#include "base/time.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace posthorn::service {

class Traffic {
 public:
  /// Upper bounds of the classes of waiting times, in seconds; the last class has none.
  static constexpr std::array<double, 11> bounds{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 10};

  void message_stored(Duration waited) {
    const auto seconds = std::chrono::duration<double>(waited).count();
    std::size_t at = 0;
    while (at < bounds.size() && seconds > bounds[at]) ++at;
    add(waits_[at]);
    waited_.fetch_add(static_cast<std::uint64_t>(waited.count()), std::memory_order_relaxed);
  }
  void message_refused() { add(messages_refused_); }
  void recipient_refused() { add(recipients_refused_); }

  [[nodiscard]] std::uint64_t messages_refused() const { return messages_refused_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t recipients_refused() const { return recipients_refused_.load(std::memory_order_relaxed); }
  /// So many waits in this class, bounds.size() being the last.
  [[nodiscard]] std::uint64_t waits(std::size_t at) const { return waits_.at(at).load(std::memory_order_relaxed); }
  [[nodiscard]] Duration waited() const {
    return Duration{static_cast<Duration::rep>(waited_.load(std::memory_order_relaxed))};
  }

 private:
  using Count = std::atomic<std::uint64_t>;
  static void add(Count& count) { count.fetch_add(1, std::memory_order_relaxed); }

  std::array<Count, bounds.size() + 1> waits_{};
  Count waited_ = 0;
  Count messages_refused_ = 0;
  Count recipients_refused_ = 0;
};

}  // namespace posthorn::service
