#include "rules/recipient_router.hpp"

#include "base/clean_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

namespace posthorn::rules {
namespace {

/// A name with its tag apart. Canonical.
struct TaggedName {
  std::string_view name;
  std::string_view tag;
};

/// The name as it stands, then with its tag taken off.
std::vector<TaggedName> readings_of(std::string_view local_part, std::string_view separator) {
  std::vector<TaggedName> readings{{local_part, {}}};
  const auto at = separator.empty() ? std::string_view::npos : local_part.find(separator);
  if (at != std::string_view::npos && at > 0) {
    readings.push_back({local_part.substr(0, at), local_part.substr(at + separator.size())});
  }
  return readings;
}

class Router {
 public:
  Router(const Directory& directory, const RouterSettings& settings) : directory_(directory), settings_(settings) {}

  Resolution run(const mail::Address& address) {
    if (!follow(address, true)) return UnknownUser{};
    if (!broken_.why.empty()) return std::move(broken_);
    if (routed_.destinations.empty())
      return BrokenAlias{routed_.faults.empty() ? "it has no target" : routed_.faults[0]};
    return std::move(routed_);
  }

 private:
  /// Whether the address leads anywhere, be it to a fault.
  bool follow(const mail::Address& address, bool with_aliases) {
    in_circle_ = false;
    if (!directory_.is_local_domain(address.domain())) return add_remote(address);
    const auto local_part = mail::canonical_local_part(address.local_part());
    const auto domain = address.is_literal() ? std::string_view(directory_.primary_domain()) : address.domain();
    for (const auto& reading : readings_of(local_part, directory_.separator())) {
      const auto* alias = with_aliases ? directory_.find_alias(reading.name, domain) : nullptr;
      if (alias != nullptr && !is_open(*alias)) return expand(*alias, address);
      in_circle_ = in_circle_ || alias != nullptr;
      if (const auto user = directory_.find_user(reading.name, domain)) {
        return add_mailbox({*user, std::string(reading.tag), address});
      }
    }
    return follow_last_resort(address, local_part, domain, with_aliases);
  }

  bool follow_last_resort(const mail::Address& address, std::string_view local_part, std::string_view domain,
                          bool with_aliases) {
    // RFC 5321 §4.5.1: mail for postmaster is always taken, in each of our domains.
    if (readings_of(local_part, directory_.separator()).back().name == "postmaster") {
      return add_mailbox({directory_.postmaster(), {}, address});
    }
    if (!with_aliases) return false;
    if (auto match = directory_.find_pattern(local_part, domain)) return expand(*match, address);
    const auto* catch_all = directory_.find_catch_all(domain);
    return catch_all != nullptr && !is_open(*catch_all) && expand(*catch_all, address);
  }

  /// An alias that is being followed and comes by again stands for the user of its name.
  [[nodiscard]] bool is_open(const Alias& alias) const { return std::ranges::find(open_, &alias) != open_.end(); }

  bool expand(const Alias& alias, const mail::Address& asked) {
    routed_.by_alias = true;
    if (!expanded_.insert(&alias).second) return true;
    if (open_.size() >= settings_.depth) return give_up("too many aliases lead to each other");
    open_.push_back(&alias);
    for (const auto& target : alias.targets) follow_target(target, asked);
    open_.pop_back();
    return true;
  }

  /// What the expression matched is part of the targets: each address is followed by itself, and once.
  bool expand(const Directory::PatternMatch& match, const mail::Address& asked) {
    routed_.by_alias = true;
    if (!matched_.insert(asked).second) return true;
    if (open_.size() >= settings_.depth) return give_up("too many aliases lead to each other");
    open_.push_back(match.alias);
    for (const auto& target : match.targets) follow_target(target, asked);
    open_.pop_back();
    return true;
  }

  void follow_target(const AliasTarget& target, const mail::Address& asked) {
    if (!broken_.why.empty()) return;
    const auto* local = std::get_if<LocalTarget>(&target);
    const auto address = local != nullptr ? in_domain_of(asked, local->local_part) : std::get<mail::Address>(target);
    if (!address) return add_fault(asked, "an alias of it leads to a name that is no address");
    const bool with_aliases = local == nullptr || !local->skips_aliases;
    if (!follow(*address, with_aliases)) {
      add_fault(*address,
                in_circle_ ? "it leads back to itself, and no user has that name" : "there is nobody of that name");
    }
  }

  static Result<mail::Address> in_domain_of(const mail::Address& asked, std::string_view local_part) {
    const auto domain = mail::Domain::parse(asked.domain());
    return domain ? mail::Address::make(local_part, *domain) : failure(domain.error());
  }

  bool add_remote(const mail::Address& address) {
    if (remote_seen_.insert(address).second) add(RemoteDestination{address});
    return true;
  }

  bool add_mailbox(MailboxDestination mailbox) {
    if (users_seen_.insert(mailbox.user).second) add(std::move(mailbox));
    return true;
  }

  void add(Destination destination) {
    if (routed_.destinations.size() >= settings_.destinations) {
      give_up(fmt::format("it leads to more than {} destinations", settings_.destinations));
    } else {
      routed_.destinations.push_back(std::move(destination));
    }
  }

  /// Some would be left out: nobody is served, so that the mistake is seen.
  bool give_up(std::string why) {
    broken_.why = std::move(why);
    return true;
  }

  void add_fault(const mail::Address& address, std::string_view why) {
    if (routed_.faults.size() >= settings_.faults) return;
    routed_.faults.push_back(fmt::format("{}: {}", LogText(address.to_string()).text(), why));
  }

  const Directory& directory_;
  const RouterSettings& settings_;
  Routed routed_;
  BrokenAlias broken_;                         // with a reason: as soon as one is found
  bool in_circle_ = false;                     // the address followed last is an alias that is being followed
  std::vector<const Alias*> open_;             // being followed, outermost first
  std::unordered_set<const Alias*> expanded_;  // followed before: their ends are known
  std::unordered_set<mail::Address> matched_;  // by an expression
  std::unordered_set<mail::Address> remote_seen_;
  std::unordered_set<mail::UserName> users_seen_;
};

struct RefusalOf {
  std::optional<smtp::Reply> operator()(const Routed& /*routed*/) const { return std::nullopt; }
  std::optional<smtp::Reply> operator()(const UnknownUser& /*unknown*/) const {
    return smtp::Reply(550, {5, 1, 1}, "No such user here");
  }
  std::optional<smtp::Reply> operator()(const BrokenAlias& /*broken*/) const {
    return smtp::Reply(451, {4, 3, 5}, "This address is set up wrongly here, try again later");
  }
};

}  // namespace

Resolution resolve(const mail::Address& address, const Directory& directory, const RouterSettings& settings) {
  return Router(directory, settings).run(address);
}

std::optional<smtp::Reply> refusal_of(const Resolution& resolution) { return std::visit(RefusalOf{}, resolution); }

}  // namespace posthorn::rules
