// ServeProcess: the life of `posthorn serve`: read the configuration, set up the world, say that we are ready, then do what
// signals ask for until the end. A start that fails says why and what to do, and ends with a status of sysexits(3).
#pragma once

#include "cli/console.hpp"
#include "cli/exit_status.hpp"
#include "cli/load_configuration.hpp"
#include "cli/serve_world.hpp"
#include "system/service_manager.hpp"
#include "system/signals.hpp"
#include "world/task_group.hpp"

#include <functional>
#include <memory>

namespace posthorn::cli {

class ServeProcess {
 public:
  struct Start {
    std::function<LoadedConfiguration()> load;  ///< called again, on a worker, at each reload
    bool adopt_spool = false;
  };

  ServeProcess(Start start, Console& console);
  ~ServeProcess();
  ServeProcess(const ServeProcess&) = delete;
  ServeProcess& operator=(const ServeProcess&) = delete;

  [[nodiscard]] ExitStatus run();

 private:
  [[nodiscard]] ExitStatus refuse(const StartFailure& failure);
  [[nodiscard]] world::Task<ExitStatus> live();
  [[nodiscard]] world::Task<> obey(system::SignalWatch& signals);
  [[nodiscard]] world::Task<> reload();

  Start start_;
  Console& console_;
  system::ServiceManager manager_;
  std::unique_ptr<ServeWorld> world_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::cli
