// ControlServer: the doors of the control interface: HTTP over a UNIX socket, whose clients are root and the server's own
// account, and, where set, over TCP on loopback, whose clients may look at everything but change nothing without the token.
// Connections, requests and waits are bounded; whoever sends garbage, or nothing, loses that connection and disturbs
// nobody. What is answered is the handler's business.
// On the home loop.
#pragma once

#include "base/secret.hpp"
#include "service/http_answer.hpp"
#include "service/http_request.hpp"
#include "world/log.hpp"
#include "world/network.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace posthorn::service {

struct ControlSettings {
  HttpReader::Settings request;
  unsigned account = 0;                                 ///< ours: beside root the only one the socket serves
  std::shared_ptr<const Secret> token;                  ///< none: nothing can be changed over TCP
  std::size_t connections = 64;                         ///< at once, at each door
  Duration request_timeout = std::chrono::seconds{10};  ///< for a whole request, from its first octet or the accept on
  Duration idle_timeout = std::chrono::seconds{30};     ///< between requests
  Duration write_timeout = std::chrono::seconds{30};    ///< for each piece of an answer
};

class ControlHandler {
 public:
  ControlHandler() = default;
  ControlHandler(const ControlHandler&) = delete;
  ControlHandler& operator=(const ControlHandler&) = delete;
  virtual ~ControlHandler() = default;

  /// Answers with one of the answer's ways, once. `may_change`: by the socket, or by the token.
  [[nodiscard]] virtual world::Task<> answer(HttpRequest request, bool may_change, HttpAnswer& answer) = 0;
};

class ControlServer {
 public:
  /// All outlive it.
  struct World {
    world::Loop& loop;
    world::Log& log;
    ControlHandler& handler;
  };

  ControlServer(World world, ControlSettings settings) : world_(world), settings_(std::move(settings)) {}

  /// Serves what connects, until close().
  void open(std::unique_ptr<world::Acceptor> acceptor);
  void close();
  /// For requests that come from now on.
  void change_token(std::shared_ptr<const Secret> token) { settings_.token = std::move(token); }

 private:
  struct Door {
    std::unique_ptr<world::Acceptor> acceptor;
    bool is_socket = false;
    std::size_t connections = 0;
  };

  [[nodiscard]] world::Task<> accept(Door& door);
  [[nodiscard]] world::Task<> serve(Door& door, std::unique_ptr<world::Stream> stream);
  /// False: the connection ends.
  [[nodiscard]] world::Task<bool> serve_one(Door& door, world::Stream& stream, std::string& input);
  /// Reads until the reader has one request, or has refused it. False: the client went, or was too slow.
  [[nodiscard]] world::Task<bool> read_request(world::Stream& stream, HttpReader& reader, std::string& input);
  [[nodiscard]] world::Task<bool> is_welcome(Door& door, world::Stream& stream);
  [[nodiscard]] bool has_token(const HttpRequest& request) const;

  World world_;
  ControlSettings settings_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<world::Stream*> streams_;
  world::TaskGroup tasks_;
};

/// Whether a Host field names loopback: a page of elsewhere whose name was made to lead here does not.
[[nodiscard]] bool is_loopback_host(std::string_view host);
/// In a time that does not tell how much of it is right.
[[nodiscard]] bool is_same_secret(std::string_view given, std::string_view wanted);

}  // namespace posthorn::service
