// LoginGuard: what wrong passwords cost. It remembers failures by client address and by (name, address) together, in a
// table of fixed size whose places nobody can choose (a keyed hash). From it come how long the answer to a failure waits,
// and whether a name is locked for an address: so a stranger who guesses slows and locks out the stranger's own address
// for that name, and never the user's. An IPv6 client counts by its /64. Plain machine: the time is told.
#pragma once

#include "base/ip_address.hpp"
#include "base/keyed_hash.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace posthorn::rules {

class LoginGuard {
 public:
  struct Settings {
    Duration first_delay = std::chrono::milliseconds{200};  ///< doubles with each failure
    Duration longest_delay = std::chrono::seconds{3};
    std::uint32_t lock_after = 20;                  ///< failures of a name from one address
    Duration first_lock = std::chrono::minutes{1};  ///< doubles with each failure after it
    Duration longest_lock = std::chrono::minutes{15};
    Duration memory = std::chrono::minutes{30};  ///< after so long without a failure all is forgotten
    std::size_t entries = 65'536;                ///< remembered at once; the least guilty make room
  };

  LoginGuard(const Settings& settings, KeyedHash::Key key);

  /// Whether this name may not even try from this address now.
  [[nodiscard]] bool is_locked(std::string_view name, const IpAddress& peer, MonotonicTime now) const;
  /// Whether there were failures from this address lately: such wait behind the others.
  [[nodiscard]] bool is_suspect(const IpAddress& peer, MonotonicTime now) const;
  /// A failure. Returns how long after its question the answer is due.
  [[nodiscard]] Duration note_failure(std::string_view name, const IpAddress& peer, MonotonicTime now);
  /// The right password: the name has a clean slate at this address.
  void note_success(std::string_view name, const IpAddress& peer);

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::uint32_t failures = 0;  // 0: free
    MonotonicTime last{};
  };
  static constexpr std::size_t ways = 8;

  [[nodiscard]] std::uint64_t key_of(std::string_view name, const IpAddress& peer) const;
  /// Where the key's set begins.
  [[nodiscard]] std::size_t set_of(std::uint64_t key) const { return key % (table_.size() / ways) * ways; }
  [[nodiscard]] std::uint32_t failures(std::uint64_t key, MonotonicTime now) const;
  [[nodiscard]] const Entry* find(std::uint64_t key) const;
  [[nodiscard]] std::uint32_t count(std::uint64_t key, MonotonicTime now);
  [[nodiscard]] bool is_forgotten(const Entry& entry, MonotonicTime now) const;
  [[nodiscard]] Duration doubled(Duration first, std::uint32_t times, Duration most) const;

  Settings settings_;
  KeyedHash hash_;
  std::vector<Entry> table_;  // sets of `ways`
};

}  // namespace posthorn::rules
