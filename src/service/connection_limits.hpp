// How many incoming connections there may be, in all and from one address. One object for all listeners and loops.
// An IPv6 client counts by its /64, which is what one customer is given.
#pragma once

#include "base/ip_address.hpp"
#include "smtp/reply.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace posthorn::service {

class ConnectionLimits {
 public:
  struct Settings {
    std::uint32_t connections = 10'000;
    std::uint32_t per_address = 100;
  };
  enum class Verdict : std::uint8_t { admitted, too_many, too_many_from_address };

  /// A place taken; given back when it goes.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(ConnectionLimits& limits, std::optional<IpAddress> address) : limits_(&limits), address_(address) {}
    Ticket(Ticket&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)), address_(other.address_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(limits_, other.limits_);
      std::swap(address_, other.address_);
      return *this;
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() {
      if (limits_ != nullptr) limits_->give_back(address_);
    }

   private:
    ConnectionLimits* limits_ = nullptr;
    std::optional<IpAddress> address_;  // none: counted in all, not by address
  };

  explicit ConnectionLimits(Settings settings);

  /// Any thread. The ticket is good only when admitted.
  [[nodiscard]] std::pair<Verdict, Ticket> admit(const IpAddress& client);
  /// For a proxy that has not named its client yet: counted in all only.
  [[nodiscard]] std::pair<Verdict, Ticket> admit_proxy();
  /// New bounds, for connections that come later. Any thread.
  void change(Settings settings);
  [[nodiscard]] std::uint32_t most() const { return most_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t open() const { return open_.load(std::memory_order_relaxed); }
  /// Verdicts so far.
  [[nodiscard]] std::uint64_t admitted() const { return admitted_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<IpAddress, std::uint32_t> counts;
  };
  [[nodiscard]] bool take_place();
  void give_back(const std::optional<IpAddress>& group);
  [[nodiscard]] Shard& shard_of(const IpAddress& group);

  std::atomic<std::uint32_t> most_;
  std::atomic<std::uint32_t> most_per_address_;
  std::atomic<std::uint32_t> open_ = 0;
  std::atomic<std::uint64_t> admitted_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::array<Shard, 16> shards_;
};

/// What a client that was not admitted is told: 421. Nothing: it was admitted.
[[nodiscard]] std::optional<smtp::Reply> refusal_of(ConnectionLimits::Verdict verdict);

}  // namespace posthorn::service
