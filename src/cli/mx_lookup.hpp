// The mail hosts of a domain, as a person asks for them: by the same rules as the relay's (null MX, no MX, order), each with
// the addresses it has or the reason why it has none. DNS is asked as the configuration of this machine says. Blocks.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "rules/mx_plan.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::cli {

struct MxQuestion {
  std::string domain;  ///< canonical, or an address literal
  std::uint16_t port = 25;
  rules::AddressFamilies families = rules::AddressFamilies::both;
  std::vector<Endpoint> dns_servers;  ///< empty: the system's
  std::string trust_anchor;
  Duration timeout{};  ///< for the MX records, and for each host's addresses
};

struct MxHost {
  std::string name;
  std::uint16_t preference = 0;
  std::vector<Endpoint> endpoints;  ///< none: see why
  std::string why;
};

/// Most preferred first. Error: `not_found`, there is nowhere to go; or what the resolver could not be made for.
[[nodiscard]] Result<std::vector<MxHost>> find_mx_hosts(const MxQuestion& question);

}  // namespace posthorn::cli
