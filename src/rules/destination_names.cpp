#include "rules/destination_names.hpp"

#include <iterator>

namespace posthorn::rules {

void DestinationNames::learn(std::string_view domain, std::string_view name) {
  if (const auto found = by_domain_.find(domain); found != by_domain_.end()) {
    found->second->name = name;
    known_.splice(known_.end(), known_, found->second);
    return;
  }
  if (most_ == 0) return;
  if (known_.size() >= most_) {
    by_domain_.erase(known_.front().domain);
    known_.pop_front();
  }
  known_.push_back({std::string(domain), std::string(name)});
  by_domain_.emplace(known_.back().domain, std::prev(known_.end()));
}

std::string_view DestinationNames::name_of(std::string_view domain) const {
  const auto found = by_domain_.find(domain);
  return found == by_domain_.end() ? domain : std::string_view(found->second->name);
}

}  // namespace posthorn::rules
