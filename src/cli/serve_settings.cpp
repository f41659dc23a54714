#include "cli/serve_settings.hpp"

#include "base/assert.hpp"
#include "cli/listener_order.hpp"
#include "system/machine.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {

std::string_view to_text(rules::ListenerRole role) {
  using enum rules::ListenerRole;
  switch (role) {
    case mx:
      return "mx";
    case relay:
      return "relay";
    case submission:
      return "submission";
  }
  bug("a role without a name");
}

namespace {

/// Mail for `<postmaster>` without a domain (RFC 5321 §4.5.1) is for the postmaster of our first domain.
std::optional<mail::Address> make_postmaster(const config::Configuration& configuration) {
  if (configuration.domains.empty()) return std::nullopt;
  auto address = mail::Address::parse("postmaster@" + configuration.domains.front());
  return address ? std::optional{std::move(*address)} : std::nullopt;
}

/// RFC 4954 §4, RFC 8314 §3.3: a password in the clear goes through TLS only.
std::vector<smtp::AuthMechanism> password_mechanisms() { return {{.name = "PLAIN"}, {.name = "LOGIN"}}; }

std::shared_ptr<const smtp::ServerSettings> make_session_settings(const config::Configuration& configuration,
                                                                  const config::Listener& listener, bool has_tls) {
  auto settings = std::make_shared<smtp::ServerSettings>();
  const auto& limits = configuration.limits;
  settings->hostname = configuration.hostname;
  settings->postmaster = make_postmaster(configuration);
  settings->starttls = has_tls && listener.tls == config::ListenerTls::starttls;
  settings->verify = configuration.smtp.vrfy ? smtp::VerifyPolicy::ask : smtp::VerifyPolicy::noncommittal;
  settings->require_authentication = listener.role == rules::ListenerRole::submission;
  settings->message_octets = limits.message_size;
  settings->recipients = limits.recipients;
  settings->errors = limits.errors;
  settings->junk_commands = limits.junk_commands;
  settings->authentication_failures = configuration.auth.failures;
  if (listener.role == rules::ListenerRole::submission) settings->auth_mechanisms = password_mechanisms();
  return settings;
}

/// The same with SCRAM, which the client's own side of the password keeps secret: where there is no TLS to be had, it is
/// better than nothing (RFC 5802 §9 on what it leaves open).
std::shared_ptr<const smtp::ServerSettings> make_scram_settings(const smtp::ServerSettings& settings, bool has_tls) {
  if (settings.auth_mechanisms.empty()) return nullptr;
  auto with_scram = std::make_shared<smtp::ServerSettings>(settings);
  auto& mechanisms = with_scram->auth_mechanisms;
  mechanisms.insert(mechanisms.begin(), {{.name = "SCRAM-SHA-256-PLUS", .needs_channel_binding = true},
                                         {.name = "SCRAM-SHA-256", .needs_encryption = has_tls}});
  return with_scram;
}

rules::AddressFamilies families_of(config::AddressFamilies families) {
  using enum config::AddressFamilies;
  switch (families) {
    case both:
      return rules::AddressFamilies::both;
    case ipv4:
      return rules::AddressFamilies::ipv4;
    case ipv6:
      return rules::AddressFamilies::ipv6;
  }
  bug("a choice of families without a name");
}

service::ReceptionPolicy make_reception_policy(const config::Configuration& configuration) {
  const auto& limits = configuration.limits;
  return {.hostname = configuration.hostname,
          .message = {.octets = limits.message_size,
                      .line_octets = limits.line_length,
                      .header_octets = limits.header_size,
                      .received_fields = limits.hops},
          .inline_octets = configuration.spool.inline_limit,
          .command_timeout = limits.command_timeout,
          .handshake_timeout = limits.handshake_timeout,
          .data_rate = limits.data_rate,
          .sender_check = configuration.submission.sender_check,
          .longest_login_delay = configuration.auth.longest_delay};
}

}  // namespace

unsigned loop_count(const config::Configuration& configuration) {
  return configuration.limits.threads == 0 ? system::processors() : configuration.limits.threads;
}

std::shared_ptr<const service::Policy> make_policy(const config::Configuration& configuration,
                                                   const TlsIdentitySet& tls) {
  auto policy = std::make_shared<service::Policy>();
  policy->reception = make_reception_policy(configuration);
  const bool has_tls = tls.identities != nullptr;
  for (const auto& listener : configuration.listeners) {
    auto session = make_session_settings(configuration, listener, has_tls);
    auto scram_session = make_scram_settings(*session, has_tls && listener.tls != config::ListenerTls::none);
    policy->listeners.push_back({.name = name_of(listener),
                                 .role = listener.role,
                                 .implicit_tls = listener.tls == config::ListenerTls::implicit,
                                 .session = std::move(session),
                                 .scram_session = std::move(scram_session),
                                 .tls = {.identities = tls.identities, .application_protocols = {"smtp"}},
                                 .refuse_from = listener.refuse_from,
                                 .proxy_from = listener.proxy_from,
                                 .xclient_from = listener.xclient_from});
  }
  return policy;
}

service::ConnectionLimits::Settings make_connection_limits(const config::Configuration& configuration) {
  return {.connections = configuration.limits.connections, .per_address = configuration.limits.connections_per_address};
}

service::QueueSettings make_queue_settings(const config::Configuration& configuration) {
  const auto& queue = configuration.queue;
  service::QueueSettings settings;
  settings.retry = {.waits = queue.retry, .expire = queue.expire};
  settings.remote = {.deliveries = queue.connections,
                     .first_window = std::min(rules::QueuePlan::Settings{}.first_window, queue.per_destination),
                     .largest_window = queue.per_destination,
                     .messages_per_turn = queue.messages_per_connection};
  settings.paused = queue.paused;
  return settings;
}

service::ReporterSettings make_reporter_settings(const config::Configuration& configuration) {
  return {.bounce = {.warn = configuration.queue.warn,
                     .expire = configuration.queue.expire,
                     .postmaster = make_postmaster(configuration)},
          .hostname = configuration.hostname,
          .report = {}};
}

std::shared_ptr<const rules::Routing> make_routing(const config::Configuration& configuration,
                                                   const OutgoingLogins& logins) {
  rules::Routing::Settings settings;
  for (std::size_t place = 0; place < configuration.routes.size(); ++place) {
    const auto& route = configuration.routes[place];
    settings.routes.push_back(
        {route.domains, route.to, {.tls = route.tls, .login = {}, .fingerprints = route.fingerprints}});
    if (place < logins.routes.size()) settings.routes.back().security.login = logins.routes[place];
  }
  settings.smarthost = configuration.remote.smarthost;
  settings.smarthost_security = {
      .tls = configuration.remote.tls, .login = logins.smarthost, .fingerprints = configuration.remote.fingerprints};
  settings.mx_tls = configuration.remote.tls;
  settings.hand_over_files = configuration.mailbox.other_servers == config::OtherServers::files;
  return std::make_shared<const rules::Routing>(settings);
}

namespace {

/// RFC 5321 §4.5.3.2: what waits for less than `command_timeout` by itself does so still.
void set_timeouts(smtp::ClientSettings& session, const config::Remote& remote) {
  session.greeting_timeout = remote.command_timeout;
  session.hello_timeout = remote.command_timeout;
  session.mail_timeout = remote.command_timeout;
  session.rcpt_timeout = remote.command_timeout;
  for (auto* timeout : {&session.starttls_timeout, &session.auth_timeout, &session.data_timeout, &session.reset_timeout,
                        &session.quit_timeout})
    *timeout = std::min(*timeout, remote.command_timeout);
  session.body_timeout = remote.data_timeout;
  session.final_dot_timeout = remote.final_timeout;
}

}  // namespace

service::RemoteDeliverySettings make_remote_settings(const config::Configuration& configuration,
                                                     std::vector<Endpoint> ours) {
  const auto& remote = configuration.remote;
  service::RemoteDeliverySettings settings;
  settings.targets.mx.port = remote.port;
  settings.targets.mx.allow_loopback = remote.allow_loopback;
  settings.targets.mx.families = families_of(remote.families);
  settings.targets.ourselves = {.names = {configuration.hostname}, .endpoints = std::move(ours)};
  settings.session.hello_name = configuration.hostname;
  set_timeouts(settings.session, remote);
  settings.source.interface = remote.source.interface;
  if (remote.source.address) settings.source.source = *remote.source.address;
  settings.connect_timeout = remote.connect_timeout;
  settings.messages_per_connection = configuration.queue.messages_per_connection;
  settings.certificate_file = remote.certificate;
  settings.key_file = remote.key;
  return settings;
}

service::Explainer::Settings make_explainer_settings(const config::Configuration& configuration,
                                                     std::vector<Endpoint> ours) {
  constexpr Duration patience_of_people = std::chrono::seconds{10};
  service::Explainer::Settings settings{.targets = make_remote_settings(configuration, std::move(ours)).targets,
                                        .listeners = {},
                                        .is_paused = configuration.queue.paused};
  settings.targets.timeout = patience_of_people;
  for (const auto& listener : configuration.listeners)
    settings.listeners.emplace_back(listener.role, name_of(listener));
  return settings;
}

store::SpoolSettings make_spool_settings(const config::Configuration& configuration, std::string host_identity) {
  store::SpoolSettings settings;
  settings.state_folder = configuration.state;
  settings.host_identity = std::move(host_identity);
  settings.segment_octets = static_cast<std::uint32_t>(configuration.spool.segment_size);
  settings.reserve_octets = configuration.spool.reserve;
  settings.largest_message = configuration.limits.message_size;
  return settings;
}

service::ServerSettings make_server_settings(const config::Configuration& configuration, const TlsIdentitySet& tls,
                                             std::string host_identity) {
  // A message is there for as long as `expire`, and known for `history` more: so old its first event can be.
  const auto history = configuration.queue.history;
  const auto keep = history > Duration::zero() ? history + configuration.queue.expire : Duration::zero();
  return {.policy = make_policy(configuration, tls),
          .limits = make_connection_limits(configuration),
          .spool = make_spool_settings(configuration, std::move(host_identity)),
          .queue = make_queue_settings(configuration),
          .reporter = make_reporter_settings(configuration),
          .history = {.files = {.folder = configuration.state + "/history", .keep = keep}},
          .login = {},
          .pickup = {.sender_check = configuration.sendmail.sender_check, .hostname = configuration.hostname},
          .shutdown = configuration.limits.shutdown};
}

}  // namespace posthorn::cli
