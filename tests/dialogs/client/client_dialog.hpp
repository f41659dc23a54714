// A dialogue of the client machine as steps (README.md, "Client dialogues"). Reading one throws std::runtime_error with
// file and line.
#pragma once

#include "smtp/client_effect.hpp"
#include "smtp/client_settings.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace posthorn::testing {

/// The server says this.
struct ServerSays {
  std::string bytes;
};
/// The client must have said these lines since the last step of this kind; the last may be "<closed>".
struct ClientSaid {
  std::vector<std::string> patterns;
};
/// The driver gives a message.
struct GiveMessage {
  smtp::ClientMessage message;
  std::string text;
};
/// Something else that happens, or that must have happened: the first word says what.
struct ClientEvent {
  std::string name;
  std::string words;
};

struct ClientStep {
  std::size_t line = 0;  ///< in the file
  std::variant<ServerSays, ClientSaid, GiveMessage, ClientEvent> what;
};

struct ClientDialog {
  smtp::ClientSettings settings;
  std::vector<ClientStep> steps;
  std::size_t server_octets = 0;
};

[[nodiscard]] ClientDialog read_client_dialog(const std::filesystem::path& file);

}  // namespace posthorn::testing
