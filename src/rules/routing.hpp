// Which way remote mail goes: by the domain's MX, to a next hop that the administrator named ([[route]], smarthost), or into
// hand-over folders. The most particular rule counts: the domain itself, then the longest ".suffix" it lies below, then "*",
// then the smarthost, then MX; hand-over folders come before all. One immutable value, shared between threads; a lookup is
// linear in the labels of the domain, whatever the number of routes.
#pragma once

#include "base/secret.hpp"
#include "rules/next_hop.hpp"
#include "smtp/client_settings.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace posthorn::rules {

/// With what we authenticate at a next hop.
struct Login {
  std::string user;
  Secret password;
};

/// How a connection on some way is secured and who we are there.
struct WaySecurity {
  smtp::RemoteTls tls = smtp::RemoteTls::may;
  std::shared_ptr<const Login> login;     ///< none: no authentication
  std::vector<std::string> fingerprints;  ///< SHA-256 of the certificate, 32 octets each; empty: by name
};

struct Way {
  enum class Kind : std::uint8_t {
    mx,     ///< look up the domain
    hop,    ///< to `hop`
    files,  ///< <root>/.OTHER_SERVERS/<domain>/
  };
  Kind kind = Kind::mx;
  NextHop hop;
  WaySecurity security;
  std::string rule;  ///< for people: "route partner.example", "smarthost", "MX"
};

class Routing {
 public:
  struct Route {
    std::vector<std::string> domains;  ///< canonical; "*": everything; ".example.org": what is below it
    NextHop to;
    WaySecurity security;
  };
  struct Settings {
    std::vector<Route> routes;  ///< of two for the same domain the first counts
    std::optional<NextHop> smarthost;
    WaySecurity smarthost_security;
    smtp::RemoteTls mx_tls = smtp::RemoteTls::may;
    bool hand_over_files = false;
  };

  explicit Routing(const Settings& settings);

  /// The way for a domain in canonical form, or an address literal. Valid as long as this object.
  [[nodiscard]] const Way& way_for(std::string_view domain) const;

  /// Under which name the queue plan keeps what goes this way (queue_plan.hpp: destination), before MX records are known.
  /// Ways that differ in host, encryption or login differ in it (FAULTS I15).
  [[nodiscard]] static std::string destination_key(const Way& way, std::string_view domain);
  /// Equal for two ways on which one connection is as good for the one as for the other, but for the login's password.
  [[nodiscard]] static std::string security_key(const WaySecurity& security);

 private:
  std::size_t add(Way way);

  std::vector<Way> ways_;
  std::unordered_map<std::string, std::size_t> by_domain_;  // "example.org", ".example.org"
  std::size_t otherwise_ = 0;
  bool files_only_ = false;
};

}  // namespace posthorn::rules
