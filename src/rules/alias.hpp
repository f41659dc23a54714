// Alias: one line of the aliases, as values.
#pragma once

#include "mail/address.hpp"

#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace posthorn::rules {

/// A name without a domain, on the right of an alias: of the domain that the alias was asked about.
struct LocalTarget {
  std::string local_part;      ///< canonical
  bool skips_aliases = false;  ///< written "\name": the user, whatever aliases there are

  bool operator==(const LocalTarget&) const = default;
};

using AliasTarget = std::variant<LocalTarget, mail::Address>;

struct Alias {
  std::vector<AliasTarget> targets;
  unsigned line = 0;  ///< in the file it comes from, for messages to people
};

/// By what is aliased, canonical: "info" (in each of our domains), "info@example.org", or "@example.org" for everyone in
/// that domain who is not there otherwise.
using AliasTable = std::unordered_map<std::string, Alias>;

}  // namespace posthorn::rules
