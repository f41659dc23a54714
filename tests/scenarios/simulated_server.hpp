// SimulatedServer: service::Server in a simulated world, with the users alice and bob in example.org, for scenario tests.
// The disk outlives the server, so that a power cut is: destroy the server, reboot the disk, make another.
#pragma once

#include "service/directory_routes.hpp"
#include "service/explainer.hpp"
#include "service/local_delivery.hpp"
#include "service/remote_delivery.hpp"
#include "service/server.hpp"
#include "sim/disk.hpp"
#include "sim/loop.hpp"
#include "sim/network.hpp"
#include "sim/random.hpp"
#include "sim/resolver.hpp"
#include "sim/shared_files.hpp"
#include "sim/workers.hpp"
#include "simulated_authenticator.hpp"
#include "store/maildir.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::scenarios {

/// Keeps every event, for assertions and for failure reports.
class KeptLog final : public world::Log {
 public:
  void write(world::LogRecord record) override;
  [[nodiscard]] bool takes(world::LogLevel) const override { return true; }
  [[nodiscard]] std::size_t count(std::string_view event) const;
  [[nodiscard]] std::string text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> events_;
};

struct ServerOptions {
  std::uint64_t seed = 1;
  service::ReceptionPolicy reception{.hostname = "mx.example.org"};
  service::ConnectionLimits::Settings limits{};
  std::uint32_t segment_octets = 64 << 10;
  Duration look_interval =
      std::chrono::seconds{1};  ///< what looks around by itself does so this often; days want it rare
  bool paused = false;
  std::uint32_t deliveries = 500;  ///< to other servers, at once
  std::string drop;                ///< where programs put mail; empty: nowhere
  rules::RetrySettings retry{};
  rules::Routing::Settings routing{};
  std::string forward_file{};  ///< of users who redirect their mail; empty: nobody does
};

class SimulatedServer {
 public:
  /// `disk` outlives it.
  SimulatedServer(sim::Disk& disk, ServerOptions options);
  ~SimulatedServer();
  SimulatedServer(const SimulatedServer&) = delete;
  SimulatedServer& operator=(const SimulatedServer&) = delete;

  /// Where mx, relay and submission listen.
  static const Endpoint mx;
  static const Endpoint relay;
  /// Where the control interface listens; its token.
  static const Endpoint control;
  static const std::string token;
  /// In the clear, which only a simulated network makes good.
  static const Endpoint submission;

  /// Starts the server and runs until it accepts. False: it did not start; see log().
  bool start();
  /// Sends these bytes as one client, all at once, and returns all that the server answered until it closed or was silent
  /// for `patience`.
  std::string talk(const Endpoint& to, std::string words, Duration patience = std::chrono::seconds{1});
  /// Asks the control interface and returns the whole answer. `body` makes it a POST with the token.
  std::string ask(std::string_view target, std::string_view body = {}, Duration patience = std::chrono::seconds{5});
  /// Ends the server in order.
  void stop();

  [[nodiscard]] sim::Loop& loop() { return loop_; }
  [[nodiscard]] sim::Network& network() { return network_; }
  [[nodiscard]] sim::Resolver& resolver() { return resolver_; }
  [[nodiscard]] service::RemoteDelivery& remote_delivery() { return remote_delivery_; }
  /// As a reload does.
  void change_routing(const rules::Routing::Settings& settings) {
    routing_.replace(std::make_shared<const rules::Routing>(settings));
  }
  [[nodiscard]] service::Server& server() { return *server_; }
  [[nodiscard]] SimulatedAuthenticator& authenticator() { return authenticator_; }
  [[nodiscard]] KeptLog& log() { return log_; }
  /// The files in this user's new/.
  [[nodiscard]] std::vector<std::string> mails(std::string_view user) const;

 private:
  [[nodiscard]] service::ForwardSource forward_source();

  sim::Disk& disk_;
  ServerOptions options_;
  KeptLog log_;
  sim::Loop loop_;
  sim::Random random_;
  sim::Network network_;
  sim::Resolver resolver_;
  sim::Workers commit_worker_;
  sim::Workers workers_;
  service::DirectorySource directory_;
  service::Snapshot<rules::Routing> routing_;
  service::DirectoryRoutes routes_;
  sim::SharedFiles files_;
  store::MaildirFormat mailboxes_;
  service::LocalDelivery local_delivery_;
  store::HandOverFormat hand_over_folders_;
  service::LocalDelivery hand_over_;
  service::RemoteDelivery remote_delivery_;
  service::Explainer explainer_;
  SimulatedAuthenticator authenticator_;
  std::unique_ptr<service::Server> server_;
  world::TaskGroup tasks_;
};

/// A whole session: EHLO, one message, QUIT.
[[nodiscard]] std::string session_text(std::string_view from, std::string_view to, std::string_view body);

}  // namespace posthorn::scenarios
