#include "rules/routing.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <iterator>

namespace posthorn::rules {
namespace {

std::string_view name_of(smtp::RemoteTls tls) {
  switch (tls) {
    case smtp::RemoteTls::none:
      return "none";
    case smtp::RemoteTls::may:
      return "may";
    case smtp::RemoteTls::require:
      return "require";
    case smtp::RemoteTls::verify:
      return "verify";
  }
  bug("a level of TLS has a name");
}

}  // namespace

Routing::Routing(const Settings& settings) : files_only_(settings.hand_over_files) {
  otherwise_ = add({Way::Kind::mx, {}, {.tls = settings.mx_tls}, "MX"});
  if (files_only_) otherwise_ = add({Way::Kind::files, {}, {}, "hand-over folders"});
  if (files_only_) return;
  if (settings.smarthost) {
    otherwise_ = add({Way::Kind::hop, *settings.smarthost, settings.smarthost_security, "smarthost"});
  }
  bool has_star = false;
  for (const auto& route : settings.routes) {
    for (const auto& domain : route.domains) {
      const auto way = add({Way::Kind::hop, route.to, route.security, fmt::format("route {}", domain)});
      if (domain != "*") {
        by_domain_.try_emplace(domain, way);
      } else if (!has_star) {
        otherwise_ = way;
        has_star = true;
      }
    }
  }
}

std::size_t Routing::add(Way way) {
  ways_.push_back(std::move(way));
  return ways_.size() - 1;
}

const Way& Routing::way_for(std::string_view domain) const {
  if (const auto exact = by_domain_.find(std::string(domain)); exact != by_domain_.end()) return ways_[exact->second];
  for (auto dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.', dot + 1)) {
    const auto below = by_domain_.find(std::string(domain.substr(dot)));
    if (below != by_domain_.end()) return ways_[below->second];
  }
  return ways_[otherwise_];
}

std::string Routing::destination_key(const Way& way, std::string_view domain) {
  switch (way.kind) {
    case Way::Kind::mx:
      return std::string(domain);
    case Way::Kind::files:
      return fmt::format("files:{}", domain);
    case Way::Kind::hop:
      break;
  }
  return fmt::format("via {}, {}", way.hop.to_string(), security_key(way.security));
}

std::string Routing::security_key(const WaySecurity& security) {
  auto key = fmt::format("TLS {}", name_of(security.tls));
  for (const auto& fingerprint : security.fingerprints) {
    key += ' ';
    for (const char octet : fingerprint) {
      fmt::format_to(std::back_inserter(key), "{:02x}", static_cast<unsigned char>(octet));
    }
  }
  if (security.login) fmt::format_to(std::back_inserter(key), " as {}", security.login->user);
  return key;
}

}  // namespace posthorn::rules
