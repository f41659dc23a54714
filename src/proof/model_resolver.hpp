// ModelResolver: the zone of the simulated world, and a resolver that fails as often as the plan says while the trouble
// lasts, or lies. The MX set of a domain may change between two questions (FAULTS F39).
#pragma once

#include "proof/ledger.hpp"
#include "proof/plan.hpp"
#include "proof/trace.hpp"
#include "sim/random.hpp"
#include "sim/resolver.hpp"

#include <string>

namespace posthorn::proof {

class ModelResolver final : public world::Resolver {
 public:
  ModelResolver(sim::Loop& loop, sim::Random& random, const Plan& plan, Trace& trace, Ledger& ledger);

  world::Task<world::DnsAnswer> query(std::string name, world::DnsType type, MonotonicTime deadline) override;
  void calm_down() { is_calm_ = true; }

  /// Where the n-th server of a domain stands; each of the first three domains and the senders' home has two.
  [[nodiscard]] static Endpoint server_of(std::size_t domain, std::size_t server);

 private:
  [[nodiscard]] bool is_out() const;
  [[nodiscard]] world::DnsAnswer lie(world::DnsAnswer answer, const std::string& name, world::DnsType type);

  sim::Loop& loop_;
  sim::Random& random_;
  const Plan& plan_;
  Trace& trace_;
  Ledger& ledger_;
  sim::Resolver zone_;
  bool is_calm_ = false;
};

/// The domains that have servers, the senders' home last.
inline constexpr const char* served_domains[] = {"one.example", "two.example", "three.example", home_domain};

}  // namespace posthorn::proof
