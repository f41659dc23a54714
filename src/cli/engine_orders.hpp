// What `serve` and its engine say to each other over their ControlChannel. The engine believes its parent; the parent takes
// the engine for hostile, and reads of it no more than the kind of a packet and one line of text.
#pragma once

#include "cli/listener_order.hpp"
#include "cli/load_configuration.hpp"
#include "cli/outgoing_logins.hpp"
#include "store/directory_files.hpp"
#include "system/control_channel.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::cli {

enum class EnginePacket : std::uint16_t {
  // From the parent, before the start:
  configuration = 1,  ///< ConfigurationText; the text itself in a memory file
  listener,           ///< BoundSocket, with the socket
  start,
  // … before the start, and before a reload:
  token,  ///< the open file of the control interface's token
  login,  ///< a user and a password for another server, which only the parent may read
  // … and before or after it:
  users,            ///< which users file, with a memory file of the names in it
  login_channel,    ///< one more way to the keys process, for logins
  log_channel,      ///< the way to the log process, or to the next one
  keys_channel,     ///< one more way to the keys process
  deliver_channel,  ///< the way to the process that writes mail as its users, or to the next one
  reload,           ///< as configuration
  certificates,     ///< the keys process has read new ones
  stop,
  // From the engine:
  ready,  ///< where it listens
  alive,  ///< every loop has answered
  reloaded,
  users_wanted,  ///< the users file seems to be another than the one the names came from
};

[[nodiscard]] constexpr std::uint16_t number_of(EnginePacket kind) { return static_cast<std::uint16_t>(kind); }

/// A listening socket's place: of which bound address it is one, and of which listener in the configuration.
struct BoundSocket {
  std::uint32_t address = 0;
  std::uint32_t listener = 0;
};
[[nodiscard]] std::string encode(const BoundSocket& socket);
[[nodiscard]] std::optional<BoundSocket> decode_bound_socket(std::string_view octets);

/// A configuration with the order of the sockets that are bound already.
struct ServedConfiguration {
  ConfigurationText text;
  ListenerOrder listener_order{};  ///< empty: as in the file
};
/// All but the text.
[[nodiscard]] std::string encode(const ServedConfiguration& configuration);
/// With the text, which is read from the packet's descriptor. Errors: corrupt, io.
[[nodiscard]] Result<ServedConfiguration> take_configuration(const system::ControlPacket& packet);
/// As parse_configuration(), and its listeners are in that order.
[[nodiscard]] LoadedConfiguration parse_served(const ServedConfiguration& configuration,
                                               const config::Overrides& overrides);

/// With what the engine authenticates elsewhere, and whom its control interface obeys.
struct EngineSecrets {
  OutgoingLogins logins;
  system::Descriptor token;  ///< none where none is set
};

/// One packet `login` for each login there is.
[[nodiscard]] std::vector<Secret> encode(const OutgoingLogins& logins);
/// What a packet `login` or `token` brings. False: it is malformed, or of another kind.
[[nodiscard]] bool take_secret(system::ControlPacket packet, EngineSecrets& into);

/// What a packet `users` brings. Errors: corrupt, io.
[[nodiscard]] Result<std::shared_ptr<const store::GivenUsers>> take_users(const system::ControlPacket& packet);

/// A line of the engine's that may be shown: printable ASCII, at most 4,000 octets.
[[nodiscard]] std::string shown_line(std::string_view octets);

/// What the engine has in hand when it starts.
struct EngineEquipment {
  ServedConfiguration configuration;
  struct Listener {
    BoundSocket place;
    system::Descriptor socket;
  };
  std::vector<Listener> listeners;
  system::Descriptor log;
  EngineSecrets secrets;
  std::shared_ptr<const store::GivenUsers> users;
  std::vector<system::ControlChannel> keys;
  std::vector<system::ControlChannel> logins;     ///< ways to the keys process that are kept for logins
  std::optional<system::ControlChannel> deliver;  ///< where users are system users
};
/// Takes packets until `start`. Errors: corrupt, ended, timed_out.
[[nodiscard]] Result<EngineEquipment> receive_equipment(const system::ControlChannel& parent);

}  // namespace posthorn::cli
