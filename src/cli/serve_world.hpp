// ServeWorld: joins the server to the real world, step by step, in the engine process: descriptors, log, workers,
// certificates, directory, loops, server. The wiring of the whole engine is read here; what needs rights (the lock, ports,
// keys) was done by its parent (cli/children), which gave it sockets and ways to the other processes.
#pragma once

#include "cli/engine_orders.hpp"
#include "cli/exit_status.hpp"
#include "cli/mailbox_client.hpp"
#include "cli/serve_settings.hpp"
#include "cli/start_failure.hpp"
#include "cli/users_board.hpp"
#include "service/directory_routes.hpp"
#include "service/explainer.hpp"
#include "service/local_delivery.hpp"
#include "service/remote_delivery.hpp"
#include "service/server.hpp"
#include "store/directory_files.hpp"
#include "store/drop_box.hpp"
#include "store/drop_folder.hpp"
#include "system/clock.hpp"
#include "system/dns_service.hpp"
#include "system/event_loop.hpp"
#include "system/journal_log.hpp"
#include "system/keys_client.hpp"
#include "system/listeners.hpp"
#include "system/posix_disk.hpp"
#include "system/posix_shared_files.hpp"
#include "system/queued_log.hpp"
#include "system/remote_sasl.hpp"
#include "system/socket_network.hpp"
#include "system/stream_environment.hpp"
#include "system/thread.hpp"
#include "system/tls_identities.hpp"
#include "system/unbound_resolver.hpp"
#include "system/worker_authenticator.hpp"
#include "system/worker_threads.hpp"

#include "world/wait.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::cli {

class ServeWorld {
 public:
  ServeWorld(config::Configuration configuration, EngineEquipment equipment, bool adopt_spool);
  ~ServeWorld();
  ServeWorld(const ServeWorld&) = delete;
  ServeWorld& operator=(const ServeWorld&) = delete;

  /// Something to be said once there is a log.
  void add_warning(std::string text) { warnings_.push_back(std::move(text)); }
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

  /// Takes certificates again when the keys process has new ones, until `end`. On the home loop.
  [[nodiscard]] world::Task<> watch_certificates(world::Event& end);
  void tell_certificates_changed() { certificate_source_->tell_changed(); }
  /// One more way to the keys process; another log process.
  void add_keys_channel(system::ControlChannel channel) { keys_->add_channel(std::move(channel)); }
  void connect_deliver(system::ControlChannel channel) {
    if (users_mailboxes_) users_mailboxes_->connect(std::move(channel));
  }
  void add_login_channel(system::ControlChannel channel) { logins_->add_channel(std::move(channel)); }
  /// The names of the users, and how to ask for new ones; the directory follows.
  void take_users(UsersBoard::Names names) { users_->replace(std::move(names)); }
  [[nodiscard]] UsersBoard& users() { return *users_; }
  void change_log(system::Descriptor socket) { log_->reconnect(std::move(socket)); }
  /// Comes back when every loop has run something: none of them is stuck. On the home loop.
  [[nodiscard]] world::Task<> visit_loops();
  /// On the home loop.
  [[nodiscard]] world::Task<> reload(config::Configuration configuration, EngineSecrets secrets);

 private:
  [[nodiscard]] Step fit_descriptors();
  void fit_connections();
  void tell_warnings();
  [[nodiscard]] Step take_listeners();
  [[nodiscard]] Step make_drop();
  [[nodiscard]] Step bind_control_http();
  [[nodiscard]] Step read_token();
  [[nodiscard]] Step take_logins();
  [[nodiscard]] Step check_outgoing_certificate();
  [[nodiscard]] Step bind_control_socket();
  [[nodiscard]] Step start_workers();
  [[nodiscard]] Step make_authenticator();
  [[nodiscard]] Step fetch_certificates();
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
  void change_token(const system::Descriptor& file);
  [[nodiscard]] service::ForwardSource forward_source();
  void make_listener_logs();
  void end_threads();
  void report_start();

  config::Configuration configuration_;
  EngineEquipment equipment_;
  bool adopt_spool_;
  unsigned login_checks_ = 0;  // at once
  std::uint64_t descriptor_limit_ = 0;
  std::vector<std::string> warnings_;  // of steps before there is a log
  system::SystemClock clock_;
  system::KernelRandom random_;
  mutable system::PosixDisk disk_;
  system::PosixSharedFiles shared_files_;
  std::optional<store::DropFolder> drop_;
  std::vector<std::size_t> listener_of_;  // of each of `bound_`, its place in the configuration
  std::vector<system::BoundListener> bound_;
  std::vector<system::BoundListener> bound_control_;
  std::shared_ptr<const Secret> token_;
  std::unique_ptr<system::QueuedLog> log_;
  std::vector<std::unique_ptr<system::JournalLog>> listener_logs_;
  std::unique_ptr<system::WorkerThreads> commit_worker_;
  std::unique_ptr<system::WorkerThreads> workers_;
  std::unique_ptr<UsersBoard> users_;
  std::unique_ptr<service::DirectorySource> directory_;
  service::Snapshot<rules::Routing> routing_;
  std::unique_ptr<service::DirectoryRoutes> routes_;
  std::unique_ptr<store::MailboxFormat> mailboxes_;  // one of these: all of one account,
  std::unique_ptr<MailboxClient> users_mailboxes_;   // or each of its user's
  std::shared_ptr<system::KeysClient> keys_ = std::make_shared<system::KeysClient>();
  std::shared_ptr<system::KeysClient> logins_;  // another way to the same process: a check of a password takes its time
  std::unique_ptr<system::RemoteSasl> sasl_;
  std::unique_ptr<system::WorkerThreads> login_workers_;
  std::unique_ptr<system::WorkerAuthenticator> authenticator_;
  std::shared_ptr<system::KeysMaterialSource> certificate_source_;
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
