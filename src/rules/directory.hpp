// Directory: who is local, as one immutable value: our domains, our own addresses, users and aliases. Lookups ignore case
// and Unicode spelling of local parts (ours to decide, RFC 5321 §2.4). Shared between threads as shared_ptr<const>.
// store/directory_files builds it from the files; rules/recipient_router follows aliases through it.
#pragma once

#include "base/ip_address.hpp"
#include "mail/address.hpp"
#include "mail/user_name.hpp"
#include "rules/alias.hpp"
#include "rules/alias_pattern.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace posthorn::rules {

class Directory {
 public:
  struct Parts {
    std::vector<std::string> domains;      ///< canonical; the first is the one that names without a domain get
    std::vector<IpAddress> own_addresses;  ///< beside the loopback's
    std::vector<mail::UserName> users;     ///< in the order of the file
    AliasTable aliases;
    std::vector<AliasPattern> patterns;  ///< in the order of the file
    std::string separator = "+";         ///< between a name and a tag; empty: no tags
  };

  explicit Directory(Parts parts);

  /// Our domains, and literals of our own addresses (RFC 5321 §4.1.3). The domain is canonical.
  [[nodiscard]] bool is_local_domain(std::string_view domain) const;

  /// The alias for this one address, then the one for the name in every domain. Parts are canonical.
  [[nodiscard]] const Alias* find_alias(std::string_view local_part, std::string_view domain) const;
  /// The first alias whose regular expression matches the address, with its targets for this one.
  struct PatternMatch {
    const Alias* alias = nullptr;
    std::vector<AliasTarget> targets;
  };
  [[nodiscard]] std::optional<PatternMatch> find_pattern(std::string_view local_part, std::string_view domain) const;
  /// The alias for everyone else in the domain.
  [[nodiscard]] const Alias* find_catch_all(std::string_view domain) const;

  /// The user of this one domain, then the one of every domain. Parts are canonical.
  [[nodiscard]] std::optional<mail::UserName> find_user(std::string_view local_part, std::string_view domain) const;
  [[nodiscard]] bool has_user(const mail::UserName& user) const { return users_.contains(user.text()); }
  [[nodiscard]] std::size_t user_count() const { return users_.size(); }

  /// Whose mailbox takes the mail for postmaster when neither an alias nor a user has that name: the user root, or else
  /// the first user, or else a mailbox of its own (RFC 5321 §4.5.1: it is never refused).
  [[nodiscard]] const mail::UserName& postmaster() const { return postmaster_; }

  /// The first of our domains.
  [[nodiscard]] const std::string& primary_domain() const { return primary_domain_; }
  [[nodiscard]] const std::string& separator() const { return separator_; }
  [[nodiscard]] const AliasTable& aliases() const { return aliases_; }

 private:
  [[nodiscard]] bool is_own_literal(std::string_view domain) const;

  std::unordered_set<std::string> domains_;
  std::unordered_set<IpAddress> own_addresses_;
  std::unordered_map<std::string, mail::UserName> users_;
  AliasTable aliases_;
  std::vector<AliasPattern> patterns_;
  std::string separator_;
  std::string primary_domain_;
  mail::UserName postmaster_;
};

}  // namespace posthorn::rules
