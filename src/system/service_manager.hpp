// What is told to the service manager that started us (sd_notify(3)). Without one all of it does nothing.
#pragma once

#include "base/time.hpp"

#include <optional>
#include <string>

namespace posthorn::system {

class ServiceManager {
 public:
  /// Every listener accepts; also the end of a reload.
  void tell_ready(const std::string& status);
  void tell_reloading(MonotonicTime now);
  void tell_stopping();
  /// One line for `systemctl status`.
  void tell_status(const std::string& status);
  /// Once per watchdog interval at least.
  void tell_alive();
  /// How often: half of the limit after which the manager takes us for dead. None: it does not watch.
  [[nodiscard]] std::optional<Duration> watchdog_interval() const;
};

}  // namespace posthorn::system
