#include "system/service_manager.hpp"

#include <fmt/core.h>
#include <systemd/sd-daemon.h>

#include <algorithm>

namespace posthorn::system {
namespace {

void notify(const std::string& text) { static_cast<void>(::sd_notify(0, text.c_str())); }

/// A status is one line.
std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

}  // namespace

void ServiceManager::tell_ready(const std::string& status) { notify("READY=1\nSTATUS=" + one_line(status)); }

void ServiceManager::tell_reloading(MonotonicTime now) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", micros.count()));
}

void ServiceManager::tell_stopping() { notify("STOPPING=1"); }
void ServiceManager::tell_status(const std::string& status) { notify("STATUS=" + one_line(status)); }
void ServiceManager::tell_alive() { notify("WATCHDOG=1"); }

std::optional<Duration> ServiceManager::watchdog_interval() const {
  std::uint64_t micros = 0;
  if (::sd_watchdog_enabled(0, &micros) <= 0) return std::nullopt;
  return std::chrono::microseconds{micros / 2};
}

}  // namespace posthorn::system
