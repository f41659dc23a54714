// Groups: the recipients of a message by where they go. Each group is one entry of the queue plan and one transaction of a
// delivery, so that several recipients of one destination travel together (issue of sending once per transaction).
// A group is named by the place of its first recipient in the envelope, which does not change while the routing does not.
#pragma once

#include "mail/envelope.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::service {

enum class Lane : std::uint8_t {
  local,   ///< into mailboxes here; the key is a user's name, empty where the user is gone
  remote,  ///< to other hosts; the key names the next hop
};

struct Destination {
  Lane lane = Lane::remote;
  std::string key;
  bool asks_mx = false;  ///< an attempt may learn the name of its set of hosts, and it is kept under that from then on

  bool operator==(const Destination&) const = default;
};

/// Where mail for an address goes, by the configuration of now. Aliases were replaced when the message was accepted.
class Routes {
 public:
  Routes() = default;
  Routes(const Routes&) = delete;
  Routes& operator=(const Routes&) = delete;
  virtual ~Routes() = default;
  /// Any thread.
  [[nodiscard]] virtual Destination destination_of(const mail::Address& recipient) const = 0;
};

struct Group {
  std::uint32_t leader = 0;  ///< its first recipient
  Destination destination;
  std::vector<std::uint32_t> recipients;
};

/// In order of their leaders. Linear in the recipients.
[[nodiscard]] std::vector<Group> groups_of(const mail::Envelope& envelope, const Routes& routes);

}  // namespace posthorn::service
