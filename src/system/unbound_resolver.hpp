// UnboundResolver: the real world::Resolver of one loop: a cache of its own before the DnsService that all loops share.
#pragma once

#include "system/dns_cache.hpp"
#include "system/dns_service.hpp"
#include "world/loop.hpp"
#include "world/resolver.hpp"

#include <cstdint>
#include <string>

namespace posthorn::system {

class UnboundResolver final : public world::Resolver {
 public:
  /// The loop and the service outlive it and every question.
  UnboundResolver(world::Loop& loop, DnsService& service, const DnsCacheSettings& cache = {})
      : loop_(loop), service_(service), cache_(cache) {}

  world::Task<world::DnsAnswer> query(std::string name, world::DnsType type, MonotonicTime deadline) override;

 private:
  void follow_generation();

  world::Loop& loop_;
  DnsService& service_;
  DnsCache cache_;
  std::uint64_t generation_ = 0;
};

}  // namespace posthorn::system
