#include "service/groups.hpp"

#include <map>
#include <utility>

namespace posthorn::service {

std::vector<Group> groups_of(const mail::Envelope& envelope, const Routes& routes) {
  std::vector<Group> groups;
  std::map<std::pair<Lane, std::string>, std::size_t> known;
  for (std::uint32_t place = 0; place < envelope.recipients.size(); ++place) {
    auto destination = routes.destination_of(envelope.recipients[place].address);
    const auto [at, is_new] = known.try_emplace({destination.lane, destination.key}, groups.size());
    if (is_new) groups.push_back({.leader = place, .destination = std::move(destination)});
    groups[at->second].recipients.push_back(place);
  }
  return groups;
}

}  // namespace posthorn::service
