#include "service/server_access.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::service {
namespace {

constexpr std::array all_ways{ClientTls::none, ClientTls::starttls, ClientTls::require, ClientTls::implicit};

smtp::RemoteTls starttls_of(const ServerAccess& access) {
  switch (access.tls) {
    case ClientTls::none:
    case ClientTls::implicit:
      return smtp::RemoteTls::none;
    case ClientTls::starttls:
      return access.verifies_certificate ? smtp::RemoteTls::verify : smtp::RemoteTls::may;
    case ClientTls::require:
      return access.verifies_certificate ? smtp::RemoteTls::verify : smtp::RemoteTls::require;
  }
  bug("a way of TLS");
}

void limit_waits(smtp::ClientSettings& settings, Duration limit) {
  for (auto* wait : {&settings.greeting_timeout, &settings.hello_timeout, &settings.starttls_timeout,
                     &settings.auth_timeout, &settings.mail_timeout, &settings.rcpt_timeout, &settings.data_timeout,
                     &settings.body_timeout, &settings.final_dot_timeout, &settings.reset_timeout}) {
    *wait = limit;
  }
  settings.quit_timeout = std::min(settings.quit_timeout, limit);
}

OutgoingSettings settings_for(const ServerAccess& access, const Endpoint& to, bool in_the_clear,
                              ConversationWatcher& watcher) {
  auto session = std::make_shared<smtp::ClientSettings>();
  session->hello_name = access.hello_name;
  session->tls = in_the_clear ? smtp::RemoteTls::none : starttls_of(access);
  session->tls_from_first_byte = access.tls == ClientTls::implicit;
  session->authenticate = access.login.has_value();
  // What does not leave the machine cannot be overheard on the way.
  session->plain_text_passwords = to.address.is_loopback();
  session->defer_unauthenticated = false;
  session->pipelining = access.pipelining;
  session->extended_hello = access.extended_hello;
  session->quits_after_421 = true;  // a person sees how it ends, and who waits for QUIT is not kept waiting
  if (access.timeout) limit_waits(*session, *access.timeout);
  OutgoingSettings settings{.session = std::move(session), .watcher = &watcher};
  const bool is_name = !IpAddress::parse(access.host);
  settings.tls = {.verify = access.verifies_certificate ? world::TlsClientPolicy::Verify::names
                                                        : world::TlsClientPolicy::Verify::nothing,
                  .server_name = is_name ? access.host : std::string{},
                  .names = {access.host}};
  if (access.login) settings.credentials = {access.login->user, access.login->password.copy()};
  return settings;
}

}  // namespace

std::string_view name_of(ClientTls tls) {
  switch (tls) {
    case ClientTls::none:
      return "none";
    case ClientTls::starttls:
      return "starttls";
    case ClientTls::require:
      return "require";
    case ClientTls::implicit:
      return "implicit";
  }
  bug("a way of TLS has a name");
}

std::optional<ClientTls> parse_client_tls(std::string_view name) {
  const auto* found = std::ranges::find(all_ways, name, &name_of);
  return found == all_ways.end() ? std::nullopt : std::optional{*found};
}

world::Task<Result<std::unique_ptr<OutgoingConnection>>> connect_to(ClientNetwork world, const ServerAccess& access,
                                                                    bool in_the_clear, ConversationWatcher& watcher) {
  Error last{Error::Kind::not_found, access.host + ": it has no address"};
  for (const auto& endpoint : access.endpoints) {
    watcher.on_connecting(endpoint);
    const auto deadline = after(world.loop.now(), access.timeout.value_or(access.connect_timeout));
    auto stream = co_await world.network.connect(endpoint, {}, deadline);
    if (!stream) {
      watcher.on_unreachable(endpoint, stream.error().text);
      last = std::move(stream.error());
      continue;
    }
    auto connection = std::make_unique<OutgoingConnection>(world.loop, std::move(*stream), access.host,
                                                           settings_for(access, endpoint, in_the_clear, watcher));
    if (access.tls != ClientTls::implicit) co_return connection;
    auto encrypted = co_await connection->encrypt();
    if (encrypted) co_return connection;
    watcher.on_unreachable(endpoint, encrypted.error().text);
    last = std::move(encrypted.error()).context("TLS");
  }
  co_return failure(std::move(last));
}

bool may_go_on_in_the_clear(const ServerAccess& access, const std::optional<smtp::SessionEnd>& end) {
  const bool is_opportunistic = access.tls == ClientTls::starttls && !access.verifies_certificate && !access.login;
  return is_opportunistic && end && end->reason == smtp::SessionEnd::Reason::tls_failed;
}

}  // namespace posthorn::service
