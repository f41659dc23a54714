// ModelResolver: the zone of the simulated world, and a resolver that fails as often as the plan says while the trouble
// lasts. The MX set of a domain may change between two questions (FAULTS F39).
#pragma once

#include "proof/plan.hpp"
#include "proof/trace.hpp"
#include "sim/random.hpp"
#include "sim/resolver.hpp"

#include <string>

namespace posthorn::proof {

class ModelResolver final : public world::Resolver {
 public:
  ModelResolver(sim::Loop& loop, sim::Random& random, const Plan& plan, Trace& trace);

  world::Task<world::DnsAnswer> query(std::string name, world::DnsType type, MonotonicTime deadline) override;
  void calm_down() { is_calm_ = true; }

  /// Where the n-th server of a domain stands; each of the first three domains and the senders' home has two.
  [[nodiscard]] static Endpoint server_of(std::size_t domain, std::size_t server);

 private:
  sim::Loop& loop_;
  sim::Random& random_;
  const Plan& plan_;
  Trace& trace_;
  sim::Resolver zone_;
  bool is_calm_ = false;
};

/// The domains that have servers, the senders' home last.
inline constexpr const char* served_domains[] = {"one.example", "two.example", "three.example", home_domain};

}  // namespace posthorn::proof
