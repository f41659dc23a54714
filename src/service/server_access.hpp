// ServerAccess: how a person's command reaches one mail server, for `send` and `probe`: its addresses in order, TLS, login,
// limits. From it comes a connection that a conversation can begin on.
#pragma once

#include "service/outgoing_connection.hpp"
#include "world/network.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::service {

enum class ClientTls : std::uint8_t {
  none,      ///< in the clear
  starttls,  ///< STARTTLS where it is offered
  require,   ///< STARTTLS, or nothing is sent
  implicit,  ///< TLS from the first byte
};

/// "none", "starttls", "require", "implicit".
[[nodiscard]] std::string_view name_of(ClientTls tls);
[[nodiscard]] std::optional<ClientTls> parse_client_tls(std::string_view name);

struct ServerAccess {
  std::string host;                 ///< as it was named: for reports, SNI and the certificate
  std::vector<Endpoint> endpoints;  ///< tried in this order until one answers
  ClientTls tls = ClientTls::starttls;
  bool verifies_certificate = false;  ///< it must prove the host's name; then STARTTLS is required
  std::optional<Credentials> login{};
  std::string hello_name;
  std::optional<Duration> timeout{};                    ///< of every wait; else those of RFC 5321 §4.5.3.2
  Duration connect_timeout = std::chrono::seconds{30};  ///< for each address, when there is no `timeout`
  bool pipelining = false;
  bool extended_hello = true;  ///< false: HELO, without extensions
};

struct ClientNetwork {
  world::Loop& loop;
  world::Network& network;
};

/// Connects to the first address that answers, with TLS where it comes first. `in_the_clear`: without STARTTLS, whatever
/// `access` says. Error: none answered; its text tells what each said.
[[nodiscard]] world::Task<Result<std::unique_ptr<OutgoingConnection>>> connect_to(ClientNetwork world,
                                                                                  const ServerAccess& access,
                                                                                  bool in_the_clear,
                                                                                  ConversationWatcher& watcher);

/// RFC 7435: what was only opportunistic may be done without, when a handshake does not work.
[[nodiscard]] bool may_go_on_in_the_clear(const ServerAccess& access, const std::optional<smtp::SessionEnd>& end);

}  // namespace posthorn::service
