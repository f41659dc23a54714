// The hosts that mail for a domain goes to, in the order in which they are tried (RFC 5321 §5.1), from what DNS answered.
// Values in, values out: who asks DNS is the driver, in two steps:
//   plan_hosts(domain, answer to MX, …)       which names to look up, or why there is nowhere to go
//   plan_targets(hosts, answers to A and AAAA, …)  which addresses to connect to, or why there are none
// target_walk.hpp tells which of them is next.
// Hosts of one preference stand in random order; so do the addresses of a host, both families taking turns. A host that is
// ourselves cuts off itself and all that are not preferred to it. Nothing is asked beyond the bounds in MxSettings.
#pragma once

#include "base/ip_address.hpp"
#include "mail/domain.hpp"
#include "mail/enhanced_status.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace posthorn::rules {

/// How DNS answered.
enum class LookupStatus : std::uint8_t {
  found,
  no_records,  ///< the name is there, without records of this type
  no_name,     ///< NXDOMAIN
  failed,      ///< SERVFAIL, time-out, bogus, garbage: temporary
};

struct MxAnswer {
  struct Record {
    std::uint16_t preference = 0;
    std::string host;  ///< lower case, no final dot; empty: the root
  };
  LookupStatus status = LookupStatus::failed;
  std::vector<Record> records;
};

/// The answers to A and AAAA for one host together.
struct AddressAnswer {
  LookupStatus v4 = LookupStatus::failed;
  LookupStatus v6 = LookupStatus::failed;
  std::vector<IpAddress> addresses;
};

/// Who we are, to find out when mail would come back to us.
struct OwnHost {
  std::vector<std::string> names;   ///< lower case
  std::vector<Endpoint> endpoints;  ///< where we listen, each address by itself
};

enum class AddressFamilies : std::uint8_t { both, ipv4, ipv6 };

struct MxSettings {
  std::uint16_t port = 25;
  AddressFamilies families = AddressFamilies::both;
  bool allow_loopback = false;  ///< loopback and unspecified addresses may be connected to
  std::size_t hosts = 20;       ///< looked up, the most preferred
  std::size_t addresses_per_host = 8;
  std::size_t targets = 40;  ///< in all
};

/// Why mail for a domain cannot go anywhere: for good, or by now (a 4.y.z status).
struct Unroutable {
  mail::EnhancedStatus status{4, 4, 3};
  std::string text;

  bool operator==(const Unroutable&) const = default;
};

/// A name whose addresses are to be looked up.
struct MailHost {
  enum class Source : std::uint8_t {
    mx,             ///< an MX record
    domain,         ///< the domain itself, which has no MX
    administrator,  ///< a route or a smarthost: when it is not there, mail waits for the setting to be mended
  };
  std::string name;
  std::uint16_t preference = 0;
  Source source = Source::mx;

  bool operator==(const MailHost&) const = default;
};

using HostPlan = std::variant<std::vector<MailHost>, Unroutable>;

/// Where a domain's mail goes by its MX records, or by itself if it has none. `domain` is a name, no literal.
[[nodiscard]] HostPlan plan_hosts(std::string_view domain, const MxAnswer& answer, const OwnHost& ourselves,
                                  const MxSettings& settings, std::uint64_t random);

/// An address to connect to.
struct Target {
  std::string host;  ///< by which name it was found; of an address literal, that
  Endpoint endpoint;
  std::uint16_t preference = 0;

  bool operator==(const Target&) const = default;
};

using TargetPlan = std::variant<std::vector<Target>, Unroutable>;

/// A host and what was found of it.
struct FoundHost {
  MailHost host;
  AddressAnswer answer;
};

/// `hosts` in the order of plan_hosts(). For a smarthost or a route: one host, and the settings' port is its own.
[[nodiscard]] TargetPlan plan_targets(std::span<const FoundHost> hosts, const OwnHost& ourselves,
                                      const MxSettings& settings, std::uint64_t random);

/// For mail to `user@[192.0.2.1]`, and routes to an address.
[[nodiscard]] TargetPlan plan_address(const IpAddress& address, const OwnHost& ourselves, const MxSettings& settings);

/// The name under which limits and back-off are kept for these hosts, whatever the domain and their order of chance
/// (queue_plan.hpp: destination).
[[nodiscard]] std::string destination_key(std::span<const MailHost> hosts, std::uint16_t port);
/// Whether a destination's name is one of these: no domain and no route has such a name.
[[nodiscard]] bool is_mx_destination(std::string_view destination);

}  // namespace posthorn::rules
