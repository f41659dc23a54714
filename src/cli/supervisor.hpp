// Supervisor: the life of `posthorn serve`. It reads the configuration, sets up what needs rights, starts the engine, the
// keys process and the log process, says that we are ready, and then does what signals ask for until the end. A child that
// dies is started again, at once the first time and ever later when it dies again and again (FAULTS F20); an engine whose
// loops do not answer, and any other child that does not, is killed and started again (FAULTS F28). A start that fails says why and what to do, and ends with a
// status of sysexits(3).
#pragma once

#include "cli/children.hpp"
#include "cli/console.hpp"
#include "system/event_loop.hpp"
#include "system/keys_wire.hpp"
#include "system/service_manager.hpp"
#include "system/signals.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <memory>
#include <optional>
#include <string>

namespace posthorn::cli {

class Supervisor {
 public:
  Supervisor(ServeOptions options, Console& console) : options_(std::move(options)), console_(console) {}
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  [[nodiscard]] ExitStatus run();

 private:
  struct Child {
    pid_t pid = 0;
    std::unique_ptr<system::WatchedChannel> channel;
    bool ready = false;
    MonotonicTime last_sign;  ///< that it makes progress
    bool is_asked = false;    ///< for the next sign, where it gives none by itself
  };
  using ChildPointer = std::shared_ptr<Child>;
  /// How long to wait before a child that died is started again.
  struct Patience {
    Duration wait{};
    MonotonicTime started{};
    [[nodiscard]] Duration next(MonotonicTime now);
  };
  struct Events {
    explicit Events(world::Loop& loop) : end(loop), engine_ended(loop) {}
    world::Event end;
    world::Event engine_ended;
  };

  [[nodiscard]] ExitStatus refuse(const StartFailure& failure);
  [[nodiscard]] world::Task<ExitStatus> live();
  [[nodiscard]] world::Task<> stop_engine();

  // Signals
  [[nodiscard]] world::Task<> obey(system::SignalWatch& signals);
  void reap();
  void on_engine_ended(const system::EndedChild& ended);
  void reload();
  /// False: it cannot come into force without a restart, which has been logged.
  [[nodiscard]] bool fit_to_sockets(ServedConfiguration& served, config::Configuration& configuration);
  void take_new_configuration(ServedConfiguration served, config::Configuration configuration);

  // Children
  [[nodiscard]] Result<ChildPointer> adopt(system::RoleProcess process);
  [[nodiscard]] Result<> start_engine();
  [[nodiscard]] Result<> start_keys();
  using Start = Result<> (Supervisor::*)();
  /// Until it is there again. `failed` names what is logged each time it is not; it outlives the supervisor.
  [[nodiscard]] world::Task<> start_again(Patience& patience, Start start, std::string_view failed);
  [[nodiscard]] world::Task<> start_engine_again();
  [[nodiscard]] world::Task<> start_log_again();
  [[nodiscard]] Result<> start_helper();
  [[nodiscard]] Result<> start_deliver();
  [[nodiscard]] world::Task<> listen_to_engine(ChildPointer engine);
  [[nodiscard]] world::Task<> listen_to_keys(ChildPointer keys);
  /// Nothing but signs of life.
  [[nodiscard]] world::Task<> listen_to(ChildPointer child);
  void on_engine_ready(const std::string& where);
  void on_keys_loaded(Child& keys, std::string_view payload);
  void on_names_read(system::ControlPacket packet);
  void read_users_again();

  // Watches
  [[nodiscard]] world::Task<> watch_children();
  void ask(Child* child, std::uint16_t kind);
  void end_if_stuck(Child* child, const char* event, const std::string& name);
  [[nodiscard]] world::Task<> watch_certificates();
  void read_certificates_again();
  void warn_of_expiry();
  void tell_fault(std::string fault);

  ServeOptions options_;
  Console& console_;
  system::ServiceManager manager_;
  std::unique_ptr<Children> children_;
  std::unique_ptr<system::EventLoop> loop_;
  std::unique_ptr<Events> events_;
  std::unique_ptr<system::SignalWatch> signals_;
  ChildPointer engine_;   ///< none: it has ended and is not yet started again
  ChildPointer keys_;     ///< the same
  ChildPointer helper_;   ///< that asks PAM and Dovecot; none: the same, or none is needed
  ChildPointer deliver_;  ///< that writes mail as its users; the same
  Patience engine_patience_;
  Patience keys_patience_;
  Patience log_patience_;
  Patience helper_patience_;
  Patience deliver_patience_;
  bool was_ready_ = false;
  ExitStatus status_ = ExitStatus::ok;
  std::string where_;             ///< we listen
  std::string last_fault_;        ///< of the certificates, which is told once
  std::string last_users_fault_;  ///< the same
  std::vector<system::LoadedKeys::Expiry> expiries_;
  MonotonicTime warned_of_expiry_{};
  world::TaskGroup tasks_;
};

}  // namespace posthorn::cli
