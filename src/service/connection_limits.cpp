#include "service/connection_limits.hpp"

#include "base/assert.hpp"

namespace posthorn::service {
namespace {

constexpr unsigned ipv6_customer_bits = 64;

IpAddress group_of(const IpAddress& client) { return client.is_v6() ? client.prefix(ipv6_customer_bits) : client; }

}  // namespace

ConnectionLimits::ConnectionLimits(Settings settings)
    : most_(settings.connections), most_per_address_(settings.per_address) {}

std::pair<ConnectionLimits::Verdict, ConnectionLimits::Ticket> ConnectionLimits::admit(const IpAddress& client) {
  if (!take_place()) return {Verdict::too_many, Ticket{}};
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

std::pair<ConnectionLimits::Verdict, ConnectionLimits::Ticket> ConnectionLimits::admit_proxy() {
  if (!take_place()) return {Verdict::too_many, Ticket{}};
  admitted_.fetch_add(1, std::memory_order_relaxed);
  return {Verdict::admitted, Ticket{*this, std::nullopt}};
}

bool ConnectionLimits::take_place() {
  if (open_.fetch_add(1, std::memory_order_relaxed) < most_.load(std::memory_order_relaxed)) return true;
  open_.fetch_sub(1, std::memory_order_relaxed);
  refused_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void ConnectionLimits::change(Settings settings) {
  most_ = settings.connections;
  most_per_address_ = settings.per_address;
}

void ConnectionLimits::give_back(const std::optional<IpAddress>& group) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (!group) return;
  auto& shard = shard_of(*group);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.counts.find(*group);
  if (--found->second == 0) shard.counts.erase(found);
}

ConnectionLimits::Shard& ConnectionLimits::shard_of(const IpAddress& group) {
  return shards_.at(std::hash<IpAddress>{}(group) % shards_.size());
}

std::optional<smtp::Reply> refusal_of(ConnectionLimits::Verdict verdict) {
  using enum ConnectionLimits::Verdict;
  switch (verdict) {
    case admitted:
      return std::nullopt;
    case too_many:
      return smtp::Reply{421, {4, 3, 2}, "too many connections now, try again later"};
    case too_many_from_address:
      return smtp::Reply{421, {4, 7, 0}, "too many connections from your address, try again later"};
  }
  bug("a verdict without an answer");
}

}  // namespace posthorn::service
