// Explainer: what would happen to mail for an address, step by step, by the configuration, the directory and the DNS of now:
// who may send there, which alias or mailbox, which redirect of a user, which route or MX, which addresses, which TLS. It
// changes nothing and connects to nobody.
#pragma once

#include "rules/directory.hpp"
#include "rules/listener_role.hpp"
#include "rules/recipient_router.hpp"
#include "rules/routing.hpp"
#include "service/forward_source.hpp"
#include "service/policy.hpp"
#include "service/target_finder.hpp"
#include "world/resolver.hpp"
#include "world/workers.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

struct Explanation {
  struct Step {
    std::string_view what;  ///< "address", "alias", "mailbox", "forward", "route", "mx", "host", "tls", "login",
                            ///< "listener", "queue", "result"
    std::string text;
  };
  enum class Result : std::uint8_t { local, remote, refused };

  std::string address;
  std::vector<Step> steps;
  Result result = Result::refused;
};

[[nodiscard]] std::string to_json(const Explanation& explanation);

class Explainer {
 public:
  /// All outlive it.
  struct World {
    world::Loop& loop;
    world::Resolver& resolver;
    world::Random& random;
    std::function<std::shared_ptr<const rules::Directory>()> directory;
    const Snapshot<rules::Routing>& routing;
    ForwardSource forwards{};           ///< none: users do not redirect their mail
    world::Workers* workers = nullptr;  ///< where `forwards` is called; none: at once
  };
  struct Settings {
    TargetFinderSettings targets;
    std::vector<std::pair<rules::ListenerRole, std::string>> listeners;  ///< and their names
    bool is_paused = false;                                              ///< the queue, by the configuration
  };

  Explainer(World world, Settings settings) : world_(std::move(world)), settings_(std::move(settings)) {}

  void change(Settings settings) { settings_ = std::move(settings); }

  /// The address that is meant; a name without a domain is one of our first domain.
  [[nodiscard]] static Result<mail::Address> address_of(std::string_view text, const rules::Directory& directory);

  [[nodiscard]] world::Task<Explanation> explain(std::string text) const;

 private:
  using Users = std::vector<std::string>;

  /// `followed`: the users whose redirects led here.
  [[nodiscard]] world::Task<> explain_ends(rules::Routed routed, Users followed, Explanation& told) const;
  [[nodiscard]] world::Task<> explain_mailbox(rules::MailboxDestination mailbox, Users followed,
                                              Explanation& told) const;
  [[nodiscard]] world::Task<> explain_forward(std::string user, store::Forward forward, Users followed,
                                              Explanation& told) const;
  [[nodiscard]] world::Task<> explain_target(mail::Address address, Users followed, Explanation& told) const;
  [[nodiscard]] world::Task<Result<std::optional<store::Forward>>> find_forward(std::string user) const;
  [[nodiscard]] world::Task<> explain_remote(mail::Address address, Explanation& told) const;
  [[nodiscard]] world::Task<> explain_hosts(rules::Way way, std::string domain, Explanation& told) const;
  void explain_listeners(bool is_local, Explanation& told) const;
  void explain_queue(Explanation& told) const;

  World world_;
  Settings settings_;
};

}  // namespace posthorn::service
