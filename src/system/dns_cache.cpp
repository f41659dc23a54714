#include "system/dns_cache.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace posthorn::system {
namespace {

using world::DnsAnswer;

std::string key_of(std::string_view name, world::DnsType type) {
  std::string key{name};
  key += '/';
  key += std::to_string(static_cast<unsigned>(type));
  return key;
}

struct TextSize {
  std::size_t operator()(const IpAddress& /*address*/) const { return 0; }
  std::size_t operator()(const world::MxRecord& record) const { return record.host.size(); }
  std::size_t operator()(const world::TlsaRecord& record) const { return record.data.size(); }
  std::size_t operator()(const std::string& text) const { return text.size(); }
};

/// About what an entry takes: itself, its nodes in list and table, its records.
std::size_t weigh(const std::string& key, const DnsAnswer& answer) {
  constexpr std::size_t entry = 256;
  auto octets = entry + key.size() + answer.canonical_name.size();
  for (const auto& record : answer.records) octets += sizeof record + std::visit(TextSize{}, record);
  return octets;
}

}  // namespace

std::optional<DnsAnswer> DnsCache::find(std::string_view name, world::DnsType type, MonotonicTime now) {
  const auto found = by_key_.find(key_of(name, type));
  if (found == by_key_.end()) return std::nullopt;
  const auto entry = found->second;
  if (entry->until <= now) {
    remove(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  auto answer = entry->answer;
  answer.ttl = static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(entry->until - now).count());
  return answer;
}

void DnsCache::keep(std::string_view name, world::DnsType type, const DnsAnswer& answer, MonotonicTime now) {
  auto key = key_of(name, type);
  if (const auto old = by_key_.find(key); old != by_key_.end()) remove(old->second);
  if (answer.status == DnsAnswer::Status::failed || answer.ttl == 0) return;
  const auto longest = answer.status == DnsAnswer::Status::found ? settings_.longest : settings_.longest_nothing;
  const auto until = after(now, std::min<Duration>(longest, std::chrono::seconds{answer.ttl}));
  const auto octets = weigh(key, answer);
  if (octets > settings_.octets / 4) return;
  entries_.push_front({std::move(key), answer, until, octets});
  by_key_.emplace(entries_.front().key, entries_.begin());
  octets_ += octets;
  while (octets_ > settings_.octets) remove(std::prev(entries_.end()));
}

void DnsCache::clear() {
  by_key_.clear();
  entries_.clear();
  octets_ = 0;
}

void DnsCache::remove(std::list<Entry>::iterator entry) {
  octets_ -= entry->octets;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace posthorn::system
