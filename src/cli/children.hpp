// What the parent of the server's processes has in hand, and how it starts each of them: the lock on the state, the bound
// sockets, the accounts, the certificate files. It parses nothing that comes from outside; what the engine tells it is taken
// for hostile. Its sockets stay open while the engine is started anew: who connects meanwhile waits and is served.
#pragma once

#include "cli/deliver_process.hpp"
#include "cli/engine_orders.hpp"
#include "cli/load_configuration.hpp"
#include "cli/serve_options.hpp"
#include "cli/start_failure.hpp"
#include "system/account.hpp"
#include "system/clock.hpp"
#include "system/keys_wire.hpp"
#include "system/listeners.hpp"
#include "system/packet_log.hpp"
#include "system/posix_disk.hpp"
#include "system/role_process.hpp"
#include "system/tls_material.hpp"
#include "system/watched_channel.hpp"

#include <sys/types.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::cli {

class Children {
 public:
  Children(ServeOptions options, ConfigurationText text, config::Configuration configuration);
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// Everything up to the engine, which is not started: the keys process runs and has its keys.
  [[nodiscard]] Step set_up();

  [[nodiscard]] Result<system::RoleProcess> start_engine() const;
  [[nodiscard]] Result<system::RoleProcess> start_keys() const;
  /// A log process, for our own log and, by give_log(), for the engine's.
  [[nodiscard]] Result<> start_log();
  /// What the engine needs before its start; then `start`.
  [[nodiscard]] Result<> equip_engine(const system::WatchedChannel& engine, const system::WatchedChannel& keys,
                                      const system::WatchedChannel* deliver) const;
  [[nodiscard]] Result<> give_log(const system::WatchedChannel& engine) const;
  [[nodiscard]] Result<> give_configuration(const system::WatchedChannel& engine, bool is_first) const;
  /// New ways from the engine to the keys process.
  [[nodiscard]] static Result<> connect(const system::WatchedChannel& engine, const system::WatchedChannel& keys);
  /// Whether passwords are asked of PAM or Dovecot, which a process of its own does.
  [[nodiscard]] bool needs_helper() const;
  [[nodiscard]] Result<system::RoleProcess> start_helper() const;
  /// New ways from the keys process to that one.
  [[nodiscard]] static Result<> connect_helper(const system::WatchedChannel& keys,
                                               const system::WatchedChannel& helper);
  /// Whether each user's mail is written as that user, which a process of its own sees to.
  [[nodiscard]] bool needs_deliver() const { return deliver_.has_value(); }
  [[nodiscard]] Result<system::RoleProcess> start_deliver() const;
  /// A new way from the engine to that one.
  [[nodiscard]] static Result<> connect_deliver(const system::WatchedChannel& engine,
                                                const system::WatchedChannel& deliver);
  /// Opens the certificate files and has the keys process load them; its answer comes later.
  [[nodiscard]] Result<> send_certificates(const system::WatchedChannel& keys);
  [[nodiscard]] bool certificates_have_changed() const { return system::have_changed(marks_); }
  /// Where passwords are checked; then opens the users file for the keys process, whose answer, the names in it, comes later.
  [[nodiscard]] Result<> send_accounts(const system::WatchedChannel& keys);
  [[nodiscard]] Result<> send_users(const system::WatchedChannel& keys);
  [[nodiscard]] bool users_have_changed();
  /// The answer, and the engine gets it. Errors: corrupt.
  [[nodiscard]] Result<> take_names(system::ControlPacket packet);
  [[nodiscard]] Result<> give_names(const system::WatchedChannel& engine) const;

  /// Of a reload: what is started from now on gets this. Errors, and then nothing has changed: a file of secrets that the
  /// configuration names cannot be read.
  [[nodiscard]] Result<> change_configuration(ServedConfiguration served, config::Configuration configuration);
  /// No more connections; who waits in the queue of a socket is refused once the engine closes its own.
  void close_listeners() { bound_.clear(); }
  /// Waits for the log process to write what is left.
  void end_log();

  [[nodiscard]] system::PacketLog& log() { return log_; }
  [[nodiscard]] const config::Configuration& configuration() const { return configuration_; }
  [[nodiscard]] const ServeOptions& options() const { return options_; }
  [[nodiscard]] const system::SystemClock& clock() const { return clock_; }
  [[nodiscard]] pid_t log_pid() const { return log_pid_; }
  /// The keys process that set_up() started; once.
  [[nodiscard]] system::RoleProcess take_keys() { return std::move(*first_keys_); }
  /// When the certificates it has expire.
  [[nodiscard]] const std::vector<system::LoadedKeys::Expiry>& first_expiries() const { return first_expiries_; }

 private:
  [[nodiscard]] Step lock_state();
  [[nodiscard]] Step make_mail_root();
  [[nodiscard]] Step bind();
  [[nodiscard]] Step open_log();
  [[nodiscard]] Step choose_accounts();
  [[nodiscard]] Step make_certificate();
  [[nodiscard]] Step read_secrets();
  [[nodiscard]] Result<> give_secrets(const system::WatchedChannel& engine) const;
  [[nodiscard]] Step load_keys();
  [[nodiscard]] Step load_users(const system::ControlChannel& keys);
  [[nodiscard]] Step give_up_rights();
  [[nodiscard]] Result<> give_folders() const;
  [[nodiscard]] Result<> give(world::Folder& folder) const;
  [[nodiscard]] Step keep_mail_root();
  template <class Channel>
  [[nodiscard]] Result<> send_identities(const Channel& keys);
  template <class Channel>
  [[nodiscard]] Result<> send_users_file(const Channel& keys);

  ServeOptions options_;
  ServedConfiguration served_;
  config::Configuration configuration_;
  system::SystemClock clock_;
  system::PosixDisk disk_;
  std::vector<std::string> warnings_;  // of steps before there is a log
  std::unique_ptr<world::Folder> state_;
  std::unique_ptr<world::FileLock> lock_;
  std::unique_ptr<world::Folder> mail_root_;
  std::vector<std::size_t> listener_of_;  // of each of `bound_`, its place in the configuration
  std::vector<system::BoundListener> bound_;
  system::PacketLog log_;
  pid_t log_pid_ = 0;
  std::optional<system::Account> engine_account_;
  std::optional<system::Account> keys_account_;
  std::optional<system::Account> log_account_;
  std::optional<system::Account> helper_account_;
  std::optional<DeliverSettings> deliver_;  // where users are system users; of the configuration at the start
  EngineSecrets secrets_;                   // whose files perhaps only root may read
  std::vector<system::TlsIdentityFiles> certificates_;
  std::vector<system::FileMark> marks_;
  store::FileMark users_mark_;  // of the users file that was sent last
  std::string names_mark_;      // of the one that the names are from, as it goes to the engine
  system::Descriptor names_;    // a memory file
  std::optional<system::RoleProcess> first_keys_;
  std::vector<system::LoadedKeys::Expiry> first_expiries_;
};

}  // namespace posthorn::cli
