#include "cli/check_machine.hpp"

#include "cli/tls_files.hpp"
#include "system/tls_identities.hpp"

#include <net/if.h>

#include <fmt/core.h>

namespace posthorn::cli {
namespace {

/// That a file is not there is told elsewhere; one that only the server's account may read is none of ours to judge.
void check_certificates(const config::Configuration& configuration, std::vector<Finding>& findings) {
  const auto files = configured_certificates(configuration);
  if (files.empty()) return;
  const auto loaded = system::TlsIdentityStore::load({.identities = files}, MonotonicTime{});
  if (loaded || loaded.error().kind == Error::Kind::not_found) return;
  findings.push_back({loaded.error().kind != Error::Kind::not_permitted, "tls", loaded.error().text});
}

void check_interfaces(const config::Configuration& configuration, std::vector<Finding>& findings) {
  for (const auto& listener : configuration.listeners) {
    if (listener.interface.empty() || ::if_nametoindex(listener.interface.c_str()) != 0) continue;
    findings.push_back(
        {true, "listener.interface", fmt::format("this machine has no network interface {}", listener.interface)});
  }
}

/// The state folder is made at the start.
void check_admin_folder(const config::Configuration& configuration, world::Disk& disk, std::vector<Finding>& findings) {
  const auto& socket = configuration.admin.socket;
  const auto folder = socket.substr(0, socket.rfind('/'));
  if (folder == socket || folder == configuration.state) return;
  if (const auto opened = disk.open_root(folder.empty() ? "/" : folder); !opened)
    findings.push_back({true, "admin.socket", opened.error().text});
}

}  // namespace

std::vector<Finding> check_machine(const config::Configuration& configuration, world::Disk& disk) {
  std::vector<Finding> findings;
  check_certificates(configuration, findings);
  check_interfaces(configuration, findings);
  check_admin_folder(configuration, disk, findings);
  return findings;
}

}  // namespace posthorn::cli
