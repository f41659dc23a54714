#include "rules/directory.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::rules {
namespace {

mail::UserName known_name(std::string_view text) {
  auto name = mail::UserName::parse(text);
  ensure(name.has_value(), "a name of ours is a name");
  return std::move(*name);
}

mail::UserName choose_postmaster(const std::vector<mail::UserName>& users) {
  auto root = known_name("root");
  if (std::ranges::find(users, root) != users.end()) return root;
  return users.empty() ? known_name("postmaster") : users.front();
}

std::string address_key(std::string_view local_part, std::string_view domain) {
  std::string key(local_part);
  key += '@';
  return key += domain;
}

template <class Value>
const Value* find(const std::unordered_map<std::string, Value>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

/// The first of the map's values for this one address or for the name in every domain. A local part with an "@" in it
/// (it was quoted) is nobody's: it must not be taken for a name with its domain.
template <class Value>
const Value* find_by_address(const std::unordered_map<std::string, Value>& map, std::string_view local_part,
                             std::string_view domain) {
  if (local_part.empty() || local_part.contains('@')) return nullptr;
  const auto* value = find(map, address_key(local_part, domain));
  return value != nullptr ? value : find(map, std::string(local_part));
}

}  // namespace

Directory::Directory(Parts parts)
    : domains_(parts.domains.begin(), parts.domains.end()),
      own_addresses_(parts.own_addresses.begin(), parts.own_addresses.end()),
      aliases_(std::move(parts.aliases)),
      patterns_(std::move(parts.patterns)),
      separator_(std::move(parts.separator)),
      primary_domain_(parts.domains.empty() ? "localhost" : parts.domains.front()),
      postmaster_(choose_postmaster(parts.users)) {
  for (auto& user : parts.users) users_.emplace(user.text(), user);
}

bool Directory::is_local_domain(std::string_view domain) const {
  return domains_.contains(std::string(domain)) || is_own_literal(domain);
}

bool Directory::is_own_literal(std::string_view domain) const {
  if (!domain.starts_with('[')) return false;
  const auto literal = mail::Domain::parse(domain);
  const auto address = literal ? literal->literal_address() : std::nullopt;
  return address && (address->is_loopback() || own_addresses_.contains(*address));
}

const Alias* Directory::find_alias(std::string_view local_part, std::string_view domain) const {
  return find_by_address(aliases_, local_part, domain);
}

std::optional<Directory::PatternMatch> Directory::find_pattern(std::string_view local_part,
                                                               std::string_view domain) const {
  if (patterns_.empty() || local_part.contains('@')) return std::nullopt;
  const auto address = address_key(local_part, domain);
  for (const auto& pattern : patterns_) {
    if (auto targets = pattern.targets_for(address)) return PatternMatch{&pattern.alias(), std::move(*targets)};
  }
  return std::nullopt;
}

const Alias* Directory::find_catch_all(std::string_view domain) const {
  return find(aliases_, address_key("", domain));
}

std::optional<mail::UserName> Directory::find_user(std::string_view local_part, std::string_view domain) const {
  const auto* user = find_by_address(users_, local_part, domain);
  return user != nullptr ? std::optional{*user} : std::nullopt;
}

}  // namespace posthorn::rules
