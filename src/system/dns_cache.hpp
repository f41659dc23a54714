// DnsCache: answers for as long as they may be kept, least recently used out first when the room is used up. It stands
// before libunbound's own cache, which costs two changes of thread. One loop's thread.
#pragma once

#include "base/time.hpp"
#include "world/resolver.hpp"

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace posthorn::system {

struct DnsCacheSettings {
  std::size_t octets = std::size_t{8} << 20;
  Duration longest = std::chrono::hours{1};            ///< whatever the record's own time is
  Duration longest_nothing = std::chrono::minutes{5};  ///< for "no such name" and "no such record"
};

class DnsCache {
 public:
  using Settings = DnsCacheSettings;
  explicit DnsCache(const Settings& settings) : settings_(settings) {}

  /// The answer with what is left of its time.
  [[nodiscard]] std::optional<world::DnsAnswer> find(std::string_view name, world::DnsType type, MonotonicTime now);
  /// Failed answers, and those whose time is 0, are not kept.
  void keep(std::string_view name, world::DnsType type, const world::DnsAnswer& answer, MonotonicTime now);
  void clear();
  [[nodiscard]] std::size_t size() const { return by_key_.size(); }

 private:
  struct Entry {
    std::string key;
    world::DnsAnswer answer;
    MonotonicTime until;
    std::size_t octets = 0;
  };
  void remove(std::list<Entry>::iterator entry);

  Settings settings_;
  std::list<Entry> entries_;  ///< the one used last in front
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
  std::size_t octets_ = 0;
};

}  // namespace posthorn::system
