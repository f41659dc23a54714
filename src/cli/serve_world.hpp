// ServeWorld: joins the server to the real world, step by step: descriptors, lock on the state, sockets, log process,
// privileges, workers, directory, loops, server. The wiring of the whole program is read here.
#pragma once

#include "cli/auth_sources.hpp"
#include "cli/exit_status.hpp"
#include "cli/serve_settings.hpp"
#include "service/directory_routes.hpp"
#include "service/explainer.hpp"
#include "service/local_delivery.hpp"
#include "service/remote_delivery.hpp"
#include "service/server.hpp"
#include "store/directory_files.hpp"
#include "system/account.hpp"
#include "system/clock.hpp"
#include "system/dns_service.hpp"
#include "system/event_loop.hpp"
#include "system/listeners.hpp"
#include "system/log_process.hpp"
#include "system/posix_disk.hpp"
#include "system/queued_log.hpp"
#include "system/socket_network.hpp"
#include "system/stream_environment.hpp"
#include "system/thread.hpp"
#include "system/tls_identities.hpp"
#include "system/unbound_resolver.hpp"
#include "system/worker_threads.hpp"

#include "world/wait.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::cli {

struct StartFailure {
  ExitStatus status = ExitStatus::system_fault;
  Error error;
};

/// The status that says what kind of fault it was.
[[nodiscard]] StartFailure start_failure(Error error, ExitStatus otherwise = ExitStatus::system_fault);

using Step = std::expected<void, StartFailure>;

class ServeWorld {
 public:
  ServeWorld(config::Configuration configuration, bool adopt_spool);
  ~ServeWorld();
  ServeWorld(const ServeWorld&) = delete;
  ServeWorld& operator=(const ServeWorld&) = delete;

  /// Everything up to the server, which is made but not started.
  [[nodiscard]] Step set_up();
  /// Runs the loops until the task has ended; the home loop, and with it the task, on this thread.
  [[nodiscard]] ExitStatus run(world::Task<ExitStatus> life);

  [[nodiscard]] service::Server& server() { return *server_; }
  [[nodiscard]] system::EventLoop& home() { return *loops_.front(); }
  [[nodiscard]] world::Workers& workers() { return *workers_; }
  [[nodiscard]] world::Log& log() { return *log_; }
  /// Where we listen, for the line that says that we are ready.
  [[nodiscard]] std::string listening_text() const;

  /// Reads certificates again when their files change, until `end`. On the home loop.
  [[nodiscard]] world::Task<> watch_certificates(world::Event& end);
  /// On the home loop. What needs a new start (listeners, state, processes) is named in the log and left as it was.
  [[nodiscard]] world::Task<> reload(config::Configuration configuration);

 private:
  [[nodiscard]] Step fit_descriptors();
  [[nodiscard]] Step lock_state();
  [[nodiscard]] Step make_mail_root();
  [[nodiscard]] Step bind();
  [[nodiscard]] Step bind_control_http();
  [[nodiscard]] Step read_token();
  [[nodiscard]] Step start_log();
  [[nodiscard]] Step load_certificates();
  [[nodiscard]] Step read_logins();
  [[nodiscard]] Step check_outgoing_certificate();
  [[nodiscard]] Step become_user();
  [[nodiscard]] Step bind_control_socket();
  [[nodiscard]] Step make_certificate();
  [[nodiscard]] Result<> give_folders(const system::Account& account);
  [[nodiscard]] Step start_workers();
  [[nodiscard]] Step make_auth_sources();
  [[nodiscard]] Step read_directory();
  [[nodiscard]] Step make_loops();
  [[nodiscard]] Step make_acceptors();
  [[nodiscard]] Step make_local_delivery();
  [[nodiscard]] Step make_remote_delivery();
  [[nodiscard]] Step make_server();
  [[nodiscard]] Step make_control();
  [[nodiscard]] service::DirectorySource::Reader directory_reader(
      std::optional<std::vector<store::FileMark>> marks) const;
  [[nodiscard]] std::vector<Endpoint> bound_endpoints() const;
  [[nodiscard]] service::ForwardSource forward_source() const;
  void reload_token();
  void end_threads();
  void report_start();

  config::Configuration configuration_;
  bool adopt_spool_;
  unsigned login_checks_ = 0;  // at once
  std::vector<std::string> warnings_;  // of steps before there is a log
  system::SystemClock clock_;
  system::KernelRandom random_;
  mutable system::PosixDisk disk_;
  std::unique_ptr<world::Folder> state_;
  std::unique_ptr<world::FileLock> lock_;
  std::unique_ptr<world::Folder> mail_root_;
  std::vector<std::size_t> listener_of_;  // of each of `bound_`, its place in the configuration
  std::vector<system::BoundListener> bound_;
  std::vector<system::BoundListener> bound_control_;
  std::shared_ptr<const Secret> token_;
  std::optional<system::LogProcess> log_process_;
  std::unique_ptr<system::QueuedLog> log_;
  std::unique_ptr<system::WorkerThreads> commit_worker_;
  std::unique_ptr<system::WorkerThreads> workers_;
  std::unique_ptr<AuthSources> auth_;
  std::unique_ptr<service::DirectorySource> directory_;
  service::Snapshot<rules::Routing> routing_;
  std::unique_ptr<service::DirectoryRoutes> routes_;
  std::unique_ptr<store::MailboxFormat> mailboxes_;
  std::shared_ptr<system::TlsIdentityStore> certificates_;
  std::unique_ptr<system::WorkerThreads> handshake_workers_;
  std::vector<std::unique_ptr<system::EventLoop>> loops_;
  std::vector<std::unique_ptr<system::StreamEnvironment>> environments_;  // of each loop
  std::vector<service::LoopWorld> loop_worlds_;
  std::unique_ptr<system::DnsService> dns_;
  std::unique_ptr<system::UnboundResolver> resolver_;
  std::unique_ptr<system::SocketNetwork> network_;
  std::unique_ptr<service::LocalDelivery> local_delivery_;
  std::unique_ptr<store::HandOverFormat> hand_over_folders_;
  std::unique_ptr<service::LocalDelivery> hand_over_;
  std::unique_ptr<service::RemoteDelivery> remote_delivery_;
  std::unique_ptr<service::Explainer> explainer_;
  std::vector<std::unique_ptr<world::Acceptor>> control_;
  std::unique_ptr<service::Server> server_;
};

}  // namespace posthorn::cli
