// SimulatedRun: the moving parts of one run, joined. Inner to proof/; simulate() is its front.
#pragma once

#include "proof/bounds.hpp"
#include "proof/machine.hpp"
#include "proof/model_authenticator.hpp"
#include "proof/model_operator.hpp"
#include "proof/model_resolver.hpp"
#include "proof/model_server.hpp"
#include "proof/model_users.hpp"
#include "proof/model_world.hpp"
#include "proof/simulation.hpp"
#include "proof/traced_log.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::proof {

class SimulatedRun {
 public:
  SimulatedRun(const Plan& plan, Trace::Show show);

  [[nodiscard]] Outcome run();
  /// The run ends where the power is first cut, and the disk is shown as it is then.
  void survey(CutSurvey look) {
    trace_.keep_outside();
    survey_ = std::move(look);
    static_cast<void>(run());
  }

 private:
  // ---- the story ----
  void send_letters();
  [[nodiscard]] world::Task<> send(const PlannedLetter& letter);
  void schedule(MonotonicTime when, world::Callback what) { loop_.start_timer(when, std::move(what)); }
  void schedule_trouble();
  [[nodiscard]] std::size_t written_octets(const std::string& path) const;
  void rot();
  void take_spool_away(Duration length);
  void bring_spool_back();
  void end_trouble();
  void look_whether_done();
  void step_until_over();
  [[nodiscard]] world::Task<> linger();
  [[nodiscard]] bool finish();

  // ---- the server's lives ----
  void start_machine();
  void after_each_event();
  [[nodiscard]] MonotonicTime stop_is_due() const;
  void note_start();
  void fail_to_read();
  void read_log(const world::LogRecord& record);
  void hide_what_waits();
  void arm_crash();
  void crash_now(CrashKind kind);
  void reboot();
  [[nodiscard]] std::uint64_t hash_outside() const;
  void reload();
  void revive_later(Duration downtime);
  void end_machine();
  [[nodiscard]] MachineSettings machine_settings() const;
  /// It has started, and was not told to stop.
  [[nodiscard]] bool is_serving() const {
    return machine_ && start_noted_ && *machine_->has_started() && !is_stopping_;
  }
  [[nodiscard]] bool may_crash() const { return !has_healed_ || plan_.cuts_to_the_end; }
  void check_counters();
  void check_wake_up();
  void check_bounds();
  void check_heap();
  [[nodiscard]] std::string what_waits();

  const Plan& plan_;
  sim::Loop loop_;
  Trace trace_;
  Ledger ledger_;
  sim::Random model_random_;
  sim::Random network_random_;
  sim::Random crash_random_;
  sim::Disk disk_;
  sim::Network network_;
  TracedLog log_;
  ModelResolver resolver_;
  ModelWorld models_;
  ModelUsers users_;
  ModelAuthenticator authenticator_;
  ModelOperator operator_;
  std::vector<std::unique_ptr<ModelServer>> servers_;
  std::unique_ptr<Machine> machine_;
  std::size_t next_crash_ = 0;
  std::optional<CrashKind> pending_;  // how the life ends when its cut comes
  std::optional<CrashKind> wanted_;   // to be done after this event
  Duration downtime_{};
  Survival survival_ = Survival::drawn;
  sim::CrashChoice* choice_ = nullptr;
  MonotonicTime stopping_since_{};
  MonotonicTime healed_at_{};
  MonotonicTime machine_began_{};
  MonotonicTime due_since_ = never;  // something in the queue
  bool is_stopping_ = false;
  bool start_noted_ = false;
  bool has_healed_ = false;
  bool is_done_ = false;
  bool is_finishing_ = false;
  bool is_greeted_ = false;  // who lingers
  bool is_gone_ = false;
  bool is_surveyed_ = false;
  CutSurvey survey_;
  std::uint64_t alarms_before_ = 0;  // this life
  std::size_t clients_ = 0;
  std::size_t connected_ = 0;  // of these
  std::size_t heap_before_ = 0;
  Outcome outcome_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::proof
