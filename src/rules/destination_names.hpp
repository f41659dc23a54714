// DestinationNames: by which name DNS knew, the last time somebody asked, where mail for a domain goes: its set of hosts
// (mx_plan.hpp: destination_key). So that the next message waits in the line of these hosts from the start, and counts in
// their limits, although only an attempt asks DNS. A memory, not a truth: what it says may be out of date. Bounded: the name
// that was learned first is forgotten first.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace posthorn::rules {

class DestinationNames {
 public:
  explicit DestinationNames(std::size_t most) : most_(most) {}

  void learn(std::string_view domain, std::string_view name);
  /// The domain itself, if nothing is known of it. Valid until the next learn() and as long as `domain`.
  [[nodiscard]] std::string_view name_of(std::string_view domain) const;
  [[nodiscard]] std::size_t size() const { return by_domain_.size(); }

 private:
  struct Known {
    std::string domain;
    std::string name;
  };

  std::size_t most_;
  std::list<Known> known_;                                                      // learned first, first
  std::unordered_map<std::string_view, std::list<Known>::iterator> by_domain_;  // keys are views of known_
};

}  // namespace posthorn::rules
