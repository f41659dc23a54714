// TargetFinder: from the way that mail for a domain goes to the addresses to connect to, in two steps: which hosts, then
// their addresses, so that a connection that is open to these hosts spares the second. It asks DNS, the rules decide
// (rules/mx_plan). One deadline for all questions of a step.
#pragma once

#include "rules/mx_plan.hpp"
#include "rules/routing.hpp"
#include "world/loop.hpp"
#include "world/random.hpp"
#include "world/resolver.hpp"

#include <span>
#include <string>
#include <string_view>
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

  void change(TargetFinderSettings settings) { settings_ = std::move(settings); }

  /// For a way by MX or to a host; a socket's path needs no finding. `domain` in canonical form, or an address literal.
  [[nodiscard]] world::Task<rules::HostPlan> find_hosts(rules::Way way, std::string domain);
  /// `hosts` as find_hosts() gave them for the same way and domain.
  [[nodiscard]] world::Task<rules::TargetPlan> find_targets(rules::Way way, std::string domain,
                                                            std::vector<rules::MailHost> hosts);
  /// Both steps.
  [[nodiscard]] world::Task<rules::TargetPlan> find(rules::Way way, std::string domain);
  /// The name under which limits and connections are kept for what goes this way: domains whose mail goes to one set of
  /// hosts share it (DESIGN.md, "Delivery").
  [[nodiscard]] std::string destination_key(const rules::Way& way, std::string_view domain,
                                            std::span<const rules::MailHost> hosts) const;

 private:
  [[nodiscard]] world::Task<rules::AddressAnswer> find_addresses(std::string host, MonotonicTime deadline);
  [[nodiscard]] world::Task<rules::TargetPlan> look_up(std::vector<rules::MailHost> hosts, rules::MxSettings settings,
                                                       MonotonicTime deadline);

  World world_;
  TargetFinderSettings settings_;
};

}  // namespace posthorn::service
