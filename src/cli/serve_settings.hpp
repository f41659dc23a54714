// From the configuration to the settings of the components: the one place where the two meet.
#pragma once

#include "cli/outgoing_logins.hpp"
#include "config/configuration.hpp"
#include "rules/routing.hpp"
#include "service/connection_limits.hpp"
#include "service/policy.hpp"
#include "service/queue_manager.hpp"
#include "service/remote_delivery.hpp"
#include "service/server.hpp"
#include "store/mailbox_folder.hpp"

#include <memory>
#include <vector>

namespace posthorn::cli {

/// Who shows which certificate; none: TLS is not offered.
struct TlsIdentitySet {
  std::shared_ptr<world::TlsIdentities> identities;
};

/// "mx", "relay", "submission"
[[nodiscard]] std::string_view to_text(rules::ListenerRole role);

/// Event loops, as set or one per processor.
[[nodiscard]] unsigned loop_count(const config::Configuration& configuration);

[[nodiscard]] std::shared_ptr<const service::Policy> make_policy(const config::Configuration& configuration,
                                                                 const TlsIdentitySet& tls);
[[nodiscard]] service::ConnectionLimits::Settings make_connection_limits(const config::Configuration& configuration);
[[nodiscard]] service::QueueSettings make_queue_settings(const config::Configuration& configuration);
[[nodiscard]] service::ReporterSettings make_reporter_settings(const config::Configuration& configuration);
/// Without `logins`: for looking only.
[[nodiscard]] std::shared_ptr<const rules::Routing> make_routing(const config::Configuration& configuration,
                                                                 const OutgoingLogins& logins = {});
/// `ours`: where we listen.
[[nodiscard]] service::RemoteDeliverySettings make_remote_settings(const config::Configuration& configuration,
                                                                   std::vector<Endpoint> ours);
[[nodiscard]] service::Explainer::Settings make_explainer_settings(const config::Configuration& configuration,
                                                                   std::vector<Endpoint> ours);
[[nodiscard]] store::SpoolSettings make_spool_settings(const config::Configuration& configuration,
                                                       std::string host_identity);
[[nodiscard]] service::ServerSettings make_server_settings(const config::Configuration& configuration,
                                                           const TlsIdentitySet& tls, std::string host_identity);

}  // namespace posthorn::cli
