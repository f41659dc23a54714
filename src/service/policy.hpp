// Policy: what the configuration says about receptions, as one immutable snapshot. A session keeps the one it started
// with; a reload makes another for those that come later (FAULTS F29).
#pragma once

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "mail/message_scanner.hpp"
#include "rules/listener_role.hpp"
#include "rules/sender_check.hpp"
#include "smtp/server_settings.hpp"
#include "world/tls.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::service {

/// One listener's part.
struct ListenerPolicy {
  std::string name;  ///< "mx 192.0.2.1:25", for the log
  rules::ListenerRole role = rules::ListenerRole::mx;
  bool implicit_tls = false;
  std::shared_ptr<const smtp::ServerSettings> session;
  std::shared_ptr<const smtp::ServerSettings> scram_session;  ///< while SCRAM can work; none: `session` always
  world::TlsServerPolicy tls;
  std::vector<IpNetwork> refuse_from;   ///< who is refused by 554 (RFC 5321 §3.1)
  std::vector<IpNetwork> proxy_from;    ///< who begins with a PROXY header that names the client
  std::vector<IpNetwork> xclient_from;  ///< who may use XCLIENT
};

[[nodiscard]] inline bool contains(const std::vector<IpNetwork>& networks, const IpAddress& address) {
  return std::ranges::any_of(networks, [&](const IpNetwork& network) { return network.contains(address); });
}

struct ReceptionPolicy {
  std::string hostname;
  mail::MessageScanner::Settings message;
  std::size_t inline_octets = 64 << 10;  ///< a larger body goes to a file of its own
  Duration command_timeout = std::chrono::minutes{5};
  Duration handshake_timeout = std::chrono::seconds{30};
  Duration commit_timeout = std::chrono::minutes{1};  ///< F11: a disk slower than this is a 451
  std::uint64_t data_rate = 500;                      ///< octets a second, over `rate_window`; 0: any
  Duration rate_window = std::chrono::minutes{1};
  rules::SenderCheck sender_check = rules::SenderCheck::own;  ///< of users who have authenticated
  Duration longest_login_delay = std::chrono::seconds{3};     ///< the answer to a wrong password waits up to this
  Duration login_timeout = std::chrono::seconds{30};          ///< for one step of a source of passwords
};

struct Policy {
  ReceptionPolicy reception;
  std::vector<ListenerPolicy> listeners;  ///< in the order of the acceptors
};

/// A shared value that is replaced as a whole. Any thread; current() is a lock and a count.
template <class Value>
class Snapshot {
 public:
  explicit Snapshot(std::shared_ptr<const Value> value) : value_(std::move(value)) {}

  [[nodiscard]] std::shared_ptr<const Value> current() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void replace(std::shared_ptr<const Value> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Value> value_;
};

}  // namespace posthorn::service
