#include "service/connection_limits.hpp"

namespace posthorn::service {
namespace {

constexpr unsigned ipv6_customer_bits = 64;

IpAddress group_of(const IpAddress& client) { return client.is_v6() ? client.prefix(ipv6_customer_bits) : client; }

}  // namespace

ConnectionLimits::ConnectionLimits(Settings settings)
    : most_(settings.connections), most_per_address_(settings.per_address) {}

std::pair<ConnectionLimits::Verdict, ConnectionLimits::Ticket> ConnectionLimits::admit(const IpAddress& client) {
  if (open_.fetch_add(1, std::memory_order_relaxed) >= most_.load(std::memory_order_relaxed)) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return {Verdict::too_many, Ticket{}};
  }
  const auto group = group_of(client);
  auto& shard = shard_of(group);
  const std::lock_guard lock(shard.mutex);
  auto& count = shard.counts[group];
  if (count >= most_per_address_.load(std::memory_order_relaxed)) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return {Verdict::too_many_from_address, Ticket{}};
  }
  ++count;
  admitted_.fetch_add(1, std::memory_order_relaxed);
  return {Verdict::admitted, Ticket{*this, group}};
}

void ConnectionLimits::change(Settings settings) {
  most_ = settings.connections;
  most_per_address_ = settings.per_address;
}

void ConnectionLimits::give_back(const IpAddress& group) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  auto& shard = shard_of(group);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.counts.find(group);
  if (--found->second == 0) shard.counts.erase(found);
}

ConnectionLimits::Shard& ConnectionLimits::shard_of(const IpAddress& group) {
  return shards_.at(std::hash<IpAddress>{}(group) % shards_.size());
}

}  // namespace posthorn::service
