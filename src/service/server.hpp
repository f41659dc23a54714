// Server: the mail server as a whole, joined to a world, real or simulated. It opens the spool, starts the listeners of
// every loop, the queue manager and the housekeeping, and ends in order: no new connections, 421 to idle sessions, data
// under way may finish, attempts under way end, the spool is drained (FAULTS F31).
// The lock on the state folder is the caller's. The loops run from before start() until after stop().
#pragma once

#include "service/connection_limits.hpp"
#include "service/control_routes.hpp"
#include "service/control_server.hpp"
#include "service/delivery.hpp"
#include "service/directory_source.hpp"
#include "service/history.hpp"
#include "service/listener.hpp"
#include "service/login_desk.hpp"
#include "service/metrics.hpp"
#include "service/pickup.hpp"
#include "service/queue_manager.hpp"
#include "service/redirecting_delivery.hpp"
#include "service/reporter.hpp"
#include "service/session_names.hpp"
#include "store/spool.hpp"
#include "world/disk.hpp"
#include "world/network.hpp"
#include "world/wait.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::service {

/// A listening socket on one loop.
struct LoopAcceptor {
  std::size_t listener = 0;  ///< in Policy::listeners
  std::unique_ptr<world::Acceptor> acceptor;
};

struct LoopWorld {
  world::Loop& loop;
  std::vector<LoopAcceptor> acceptors;
};

/// All outlive the server. The first loop is the home loop.
struct ServerWorld {
  std::vector<LoopWorld> loops;
  world::Disk& disk;
  world::Workers& commit_worker;  ///< one thread, the spool's alone
  world::Workers& workers;
  world::Log& log;
  const world::Clock& clock;
  world::Random& random;
  std::uint32_t process = 0;                                ///< our process id, for delivery names
  std::optional<store::DropFolder> drop{};                  ///< where programs of this machine put mail; none: nowhere
  std::vector<world::Log*> listener_logs{};                 ///< by place in Policy::listeners; empty: all in `log`
  std::vector<std::unique_ptr<world::Acceptor>> control{};  ///< doors of the control interface, on the home loop
};

struct ServerSettings {
  std::shared_ptr<const Policy> policy;
  ConnectionLimits::Settings limits;
  store::SpoolSettings spool;
  QueueSettings queue;
  ReporterSettings reporter;
  HistorySettings history;
  ControlSettings control;
  LoginDesk::Settings login;
  PickupSettings pickup{};
  Duration shutdown = std::chrono::seconds{8};         ///< for data under way when told to stop
  Duration directory_watch = std::chrono::seconds{1};  ///< how long a user who was removed may still get mail
};

class Server {
 public:
  /// All outlive the server. `local` and `remote` carry out attempts on the home loop.
  struct Parts {
    DirectorySource& directory;
    const Routes& routes;
    Deliverer& local;
    Deliverer* remote = nullptr;                        ///< none: remote mail waits in the spool
    const Explainer* explainer = nullptr;               ///< for the control interface
    world::Authenticator* authenticator = nullptr;      ///< none: nobody can log in
    ForwardSource forwards{};                           ///< none: users do not redirect their mail
    const RemoteDeliveryFacts* remote_facts = nullptr;  ///< for the metrics
  };

  Server(ServerWorld world, ServerSettings settings, Parts parts);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Opens the spool and takes connections; returns when every listener accepts. What waited in the spool is read in the
  /// background. On the home loop.
  [[nodiscard]] world::Task<Result<>> start();
  /// New policy and limits, for connections that come from now on. Any thread.
  void reload(std::shared_ptr<const Policy> policy, ConnectionLimits::Settings limits);
  /// The settings of the queue, of reports, of how long history is kept, of what programs hand in and of the end count from
  /// now on; the others need reload() or another start. On the home loop, after start().
  void change(const ServerSettings& settings);
  /// Ends in order, in at most the settings' shutdown time and about a second. On the home loop.
  [[nodiscard]] world::Task<> stop();

  [[nodiscard]] store::Spool& spool() { return *spool_; }
  [[nodiscard]] QueueManager& queue() { return *queue_; }
  [[nodiscard]] History& history() { return *history_; }
  /// After start().
  [[nodiscard]] ControlServer& control() { return *control_; }
  [[nodiscard]] const Metrics& metrics() const { return *metrics_; }
  [[nodiscard]] std::uint32_t connections() const { return limits_.open(); }

 private:
  class LoopServices;

  /// What delivers to mailboxes: redirects first, where there are any.
  [[nodiscard]] Deliverer& local_deliverer();
  [[nodiscard]] world::Loop& home() { return world_.loops.front().loop; }
  [[nodiscard]] world::Log& log_of(std::size_t listener) const;
  void open_control();
  void make_pickup();
  [[nodiscard]] world::Task<> pick_up();
  [[nodiscard]] world::Task<> take_up_waiting();
  [[nodiscard]] world::Task<> watch_directory();
  [[nodiscard]] world::Task<> end_receptions(MonotonicTime deadline);
  [[nodiscard]] world::Task<> end_queue(MonotonicTime deadline);

  ServerWorld world_;
  ServerSettings settings_;
  Parts parts_;
  Snapshot<Policy> policy_;
  ConnectionLimits limits_;
  Traffic traffic_;
  SessionNames session_names_;
  DeliveryNames delivery_names_;
  LoginDesk desk_;
  std::unique_ptr<store::Spool> spool_;
  Gatekeeper gatekeeper_;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<IntakeWorld> redirect_intake_;
  std::unique_ptr<RedirectingDelivery> redirecting_;
  std::unique_ptr<History> history_;
  std::unique_ptr<QueueManager> queue_;
  std::unique_ptr<Pickup> pickup_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<ControlRoutes> control_routes_;
  std::unique_ptr<ControlServer> control_;
  std::vector<std::unique_ptr<LoopServices>> services_;
  world::Event stopping_;
  world::Event queue_is_known_;
  world::Event directory_watch_ended_;
  world::Event pickup_ended_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
