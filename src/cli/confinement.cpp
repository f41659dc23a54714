#include "cli/confinement.hpp"

#include "store/handover.hpp"
#include "system/call_filter.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::uint16_t https_port = 443;  // policies of MTA-STS
constexpr std::uint16_t lmtp_port = 24;
constexpr std::uint16_t any_free_port = 0;
constexpr std::string_view no_sandbox_with_sanitizers =
    "this program is built with sanitizers, which a sandbox would stop: there is none";

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// What libraries read: the resolver's files, roots of certificates, modules of the C library, time zones.
std::vector<std::string> system_files() {
  return {"/etc/resolv.conf",
          "/etc/hosts",
          "/etc/host.conf",
          "/etc/nsswitch.conf",
          "/etc/gai.conf",
          "/etc/services",
          "/etc/protocols",
          "/etc/localtime",
          "/etc/ld.so.cache",
          "/etc/machine-id",
          "/etc/passwd",
          "/etc/group",
          "/etc/ssl/certs",
          "/etc/ssl/openssl.cnf",
          "/etc/unbound",
          "/run/systemd/resolve",
          "/usr/lib",
          "/usr/share",
          "/lib",
          "/lib64",
          "/proc",
          "/sys/devices/system/cpu",
          "/dev/urandom",
          "/dev/null",
          "/usr/local/share/ca-certificates"};
}

/// A file that is replaced by its owner is another file afterwards: the folder is what counts.
void add_folder_of(std::vector<std::string>& to, const std::string& file) {
  if (!file.empty()) to.push_back(folder_of(file));
}

std::uint16_t port_of(const rules::NextHop& hop, const config::Configuration& configuration) {
  const auto usual = hop.protocol == rules::NextHop::Protocol::lmtp ? lmtp_port : configuration.remote.port;
  return hop.port.value_or(usual);
}

std::vector<std::uint16_t> connect_ports(const config::Configuration& configuration) {
  std::set<std::uint16_t> ports{dns_port, https_port, configuration.remote.port};
  if (configuration.remote.smarthost) ports.insert(port_of(*configuration.remote.smarthost, configuration));
  for (const auto& route : configuration.routes) ports.insert(port_of(route.to, configuration));
  for (const auto& server : configuration.dns.servers) ports.insert(server.port);
  return {ports.begin(), ports.end()};
}

/// A connection that goes out from a chosen address is bound to it first, on any free port.
std::vector<std::uint16_t> bind_ports(const config::Configuration& configuration) {
  std::vector<std::uint16_t> ports{any_free_port};
  if (configuration.admin.http) ports.push_back(configuration.admin.http->port);
  return ports;
}

template <class Value>
std::vector<Value> not_in(const std::vector<Value>& all, const std::vector<Value>& some) {
  std::vector<Value> rest;
  std::ranges::copy_if(all, std::back_inserter(rest),
                       [&](const Value& each) { return std::ranges::find(some, each) == some.end(); });
  return rest;
}

Result<std::vector<std::string>> judge(std::vector<std::string> missing, config::Sandbox sandbox) {
  if (missing.empty() || sandbox != config::Sandbox::required) return missing;
  return failure(Error::Kind::unsupported, missing.front() + "; [process] sandbox = \"wanted\" does without");
}

Result<std::vector<std::string>> confine(config::Sandbox sandbox, const system::LandlockRules& rules,
                                         system::FilterRole role) {
  if (sandbox == config::Sandbox::off) return std::vector<std::string>{};
  if (system::has_sanitizers()) {
    return judge({std::string{no_sandbox_with_sanitizers}}, sandbox);
  }
  auto missing = system::apply_landlock(rules);
  if (!missing) missing = std::vector{std::move(missing.error().text)};
  if (auto filtered = system::apply_call_filter(role); !filtered) missing->push_back(std::move(filtered.error().text));
  return judge(std::move(*missing), sandbox);
}

}  // namespace

system::LandlockRules engine_rules(const config::Configuration& configuration) {
  auto readable = system_files();
  const auto& remote = configuration.remote;
  for (const auto* file :
       {&configuration.mailbox.aliases, &remote.certificate, &remote.key, &configuration.dns.trust_anchor}) {
    add_folder_of(readable, *file);
  }
  std::vector<std::string> writable{configuration.state};
  const auto& mailbox = configuration.mailbox;
  if (mailbox.system_users) {
    // Users' mail is written by others.
    readable.push_back(mailbox.root);
    writable.push_back(mailbox.root + "/" + std::string{store::hand_over_folder});
  } else {
    writable.push_back(mailbox.root);
  }
  add_folder_of(writable, configuration.admin.socket);
  return {.readable = std::move(readable),
          .writable = std::move(writable),
          .connect_ports = connect_ports(configuration),
          .bind_ports = bind_ports(configuration)};
}

std::vector<std::string> beyond_confinement(const config::Configuration& before, const config::Configuration& now) {
  if (before.process.sandbox == config::Sandbox::off) return {};
  const auto old_rules = engine_rules(before);
  const auto new_rules = engine_rules(now);
  std::vector<std::string> beyond;
  for (const auto& path : not_in(new_rules.readable, old_rules.readable)) beyond.push_back("to read " + path);
  for (const auto& path : not_in(new_rules.writable, old_rules.writable)) beyond.push_back("to write into " + path);
  for (const auto port : not_in(new_rules.connect_ports, old_rules.connect_ports)) {
    beyond.push_back("to connect to port " + std::to_string(port));
  }
  for (const auto port : not_in(new_rules.bind_ports, old_rules.bind_ports)) {
    beyond.push_back("to listen on port " + std::to_string(port));
  }
  return beyond;
}

Result<std::vector<std::string>> confine_engine(const config::Configuration& configuration,
                                                const std::vector<std::string>& files) {
  auto rules = engine_rules(configuration);
  for (const auto& file : files) add_folder_of(rules.readable, file);
  return confine(configuration.process.sandbox, rules, system::FilterRole::engine);
}

Result<std::vector<std::string>> confine_keys(config::Sandbox sandbox) {
  return confine(sandbox, {}, system::FilterRole::keys);
}

Result<std::vector<std::string>> confine_helper(config::Sandbox sandbox, bool asks_pam) {
  // Modules of PAM run programs and read what they like: there is no filter that would fit.
  if (asks_pam) return std::vector<std::string>{};
  return confine(sandbox, {}, system::FilterRole::helper);
}

/// It reads what the system knows of accounts, wherever that is; a filter of calls would not fit the modules that do.
Result<std::vector<std::string>> confine_deliver(config::Sandbox sandbox, const std::string& mail_root) {
  if (sandbox == config::Sandbox::off) return std::vector<std::string>{};
  if (system::has_sanitizers()) return judge({std::string{no_sandbox_with_sanitizers}}, sandbox);
  auto missing = system::apply_landlock(
      {.readable = {"/"}, .writable = {mail_root, "/dev/null"}, .connect_ports = {}, .bind_ports = {}});
  if (!missing) missing = std::vector{std::move(missing.error().text)};
  return judge(std::move(*missing), sandbox);
}

Result<std::vector<std::string>> confine_delivery(config::Sandbox sandbox, const std::string& mail_root,
                                                  const std::string& user) {
  const system::LandlockRules rules{
      .readable = {mail_root}, .writable = {mail_root + "/" + user}, .connect_ports = {}, .bind_ports = {}};
  return confine(sandbox, rules, system::FilterRole::delivery);
}

std::string_view to_text(config::Sandbox sandbox) {
  switch (sandbox) {
    case config::Sandbox::required:
      return "required";
    case config::Sandbox::wanted:
      return "wanted";
    case config::Sandbox::off:
      return "off";
  }
  return "required";
}

config::Sandbox to_sandbox(std::string_view word) {
  for (const auto each : {config::Sandbox::wanted, config::Sandbox::off}) {
    if (word == to_text(each)) return each;
  }
  return config::Sandbox::required;
}

}  // namespace posthorn::cli
