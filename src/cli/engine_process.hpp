// EngineProcess: the life of the engine, the process that serves mail: it takes what its parent gives it, sets up the world,
// says that it is ready, and then does what its parent tells it until the end. It takes no signals: it ends with its parent.
// A start that fails says why and what to do, and ends with a status of sysexits(3).
#pragma once

#include "cli/console.hpp"
#include "cli/engine_orders.hpp"
#include "cli/exit_status.hpp"
#include "cli/serve_options.hpp"
#include "cli/serve_world.hpp"
#include "system/watched_channel.hpp"
#include "world/task_group.hpp"

#include <memory>

namespace posthorn::cli {

class EngineProcess {
 public:
  EngineProcess(ServeOptions options, Console& console) : options_(std::move(options)), console_(console) {}
  ~EngineProcess();
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  [[nodiscard]] ExitStatus run(system::ControlChannel parent);

 private:
  [[nodiscard]] ExitStatus refuse(const StartFailure& failure);
  [[nodiscard]] world::Task<ExitStatus> live(system::ControlChannel parent);
  /// Returns when told to stop.
  [[nodiscard]] world::Task<> obey();
  /// False: to stop.
  [[nodiscard]] world::Task<bool> obey_one(system::ControlPacket packet);
  [[nodiscard]] world::Task<> reload(system::ControlPacket packet);
  [[nodiscard]] world::Task<> tell_progress(world::Event& end);
  void tell(EnginePacket kind, std::string_view payload = {});

  ServeOptions options_;
  Console& console_;
  std::unique_ptr<ServeWorld> world_;
  std::unique_ptr<system::WatchedChannel> parent_;
  EngineSecrets next_secrets_;  ///< come before the reload that they belong to
  world::TaskGroup tasks_;
};

/// The command `serve-engine`, which only `serve` calls.
[[nodiscard]] ExitStatus run_serve_engine(const Invocation& invocation, Console& console);
/// The command `serve-keys`, the same.
[[nodiscard]] ExitStatus run_serve_keys(const Invocation& invocation, Console& console);
/// The command `serve-auth`, the same.
[[nodiscard]] ExitStatus run_serve_auth(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
