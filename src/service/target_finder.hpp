// TargetFinder: from the way that mail for a domain goes to the addresses to connect to. It asks DNS, the rules decide
// (rules/mx_plan). One deadline for all questions.
#pragma once

#include "rules/mx_plan.hpp"
#include "rules/routing.hpp"
#include "world/loop.hpp"
#include "world/random.hpp"
#include "world/resolver.hpp"

#include <string>
#include <vector>

namespace posthorn::service {

struct TargetFinderSettings {
  rules::MxSettings mx;
  rules::OwnHost ourselves;
  Duration timeout = std::chrono::minutes{1};  ///< for all questions about one destination
};

class TargetFinder {
 public:
  struct World {
    world::Loop& loop;
    world::Resolver& resolver;
    world::Random& random;
  };

  TargetFinder(World world, TargetFinderSettings settings) : world_(world), settings_(std::move(settings)) {}

  /// For a way by MX or to a host; a socket's path needs no finding. `domain` in canonical form, or an address literal.
  [[nodiscard]] world::Task<rules::TargetPlan> find(rules::Way way, std::string domain);

 private:
  [[nodiscard]] world::Task<rules::HostPlan> find_hosts(std::string domain, MonotonicTime deadline);
  [[nodiscard]] world::Task<rules::AddressAnswer> find_addresses(std::string host, MonotonicTime deadline);
  [[nodiscard]] world::Task<rules::TargetPlan> look_up(std::vector<rules::MailHost> hosts, rules::MxSettings settings,
                                                       MonotonicTime deadline);

  World world_;
  TargetFinderSettings settings_;
};

}  // namespace posthorn::service
