// The structures are the kernel's (Documentation/userspace-api/landlock.rst); older headers lack half of them.
#include "system/landlock.hpp"

#include "system/descriptor.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace posthorn::system {
namespace {

constexpr long create_ruleset_call = 444;
constexpr long add_rule_call = 445;
constexpr long restrict_self_call = 446;
constexpr std::uint32_t ask_version = 1;
constexpr int path_beneath_rule = 1;
constexpr int net_port_rule = 2;

struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scoped = 0;
};
struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed = 0;
  std::int32_t parent = -1;
};
struct NetPort {
  std::uint64_t allowed = 0;
  std::uint64_t port = 0;
};

// Rights to files, by bit: execute, write, read file, read folder, remove folder, remove file, make character device, folder,
// file, socket, pipe, block device, link; refer (ABI 2); truncate (3); control of devices (5).
constexpr std::uint64_t write_file = 1U << 1;
constexpr std::uint64_t read_file_right = 1U << 2;
constexpr std::uint64_t read_folder = 1U << 3;
constexpr std::uint64_t truncate_right = 1U << 14;
constexpr std::uint64_t reading = read_file_right | read_folder;
constexpr std::uint64_t for_single_files = 1U | write_file | read_file_right | truncate_right | 1U << 15;
constexpr std::uint64_t writing =
    reading | write_file | 1U << 4 | 1U << 5 | 1U << 7 | 1U << 8 | 1U << 9 | 1U << 13 | truncate_right;
constexpr std::uint64_t bind_port = 1;
constexpr std::uint64_t connect_port = 2;
constexpr std::uint64_t scopes = 3;  // abstract UNIX sockets and signals

std::uint64_t file_rights(long version) {
  std::uint64_t rights = (1U << 13) - 1;
  if (version >= 2) rights |= 1U << 13;
  if (version >= 3) rights |= truncate_right;
  if (version >= 5) rights |= 1U << 15;
  return rights;
}

Result<> add_path(int ruleset, const std::string& path, std::uint64_t allowed) {
  const Descriptor opened{::open(path.c_str(), O_PATH | O_CLOEXEC)};
  if (!opened.is_open()) return {};
  struct stat facts{};
  if (::fstat(opened.get(), &facts) != 0) return system_failure("look at " + path);
  const auto rights = S_ISDIR(facts.st_mode) ? allowed : allowed & for_single_files;
  const PathBeneath rule{.allowed = rights, .parent = opened.get()};
  if (::syscall(add_rule_call, ruleset, path_beneath_rule, &rule, 0U) != 0) return system_failure("allow " + path);
  return {};
}

Result<> add_ports(int ruleset, const std::vector<std::uint16_t>& ports, std::uint64_t allowed) {
  for (const auto port : ports) {
    const NetPort rule{.allowed = allowed, .port = port};
    if (::syscall(add_rule_call, ruleset, net_port_rule, &rule, 0U) != 0) return system_failure("allow a port");
  }
  return {};
}

std::vector<std::string> missing_from(long version) {
  std::vector<std::string> missing;
  if (version < 3) missing.emplace_back("Landlock cannot forbid to truncate files (Linux 6.2 can)");
  if (version < 4) missing.emplace_back("Landlock cannot restrict TCP ports (Linux 6.7 can)");
  return missing;
}

}  // namespace

Result<std::vector<std::string>> apply_landlock(const LandlockRules& rules) {
  const auto version = ::syscall(create_ruleset_call, nullptr, std::size_t{0}, ask_version);
  if (version <= 0) return failure(Error::Kind::unsupported, "the kernel has no Landlock, or it is switched off");
  const auto handled = file_rights(version);
  const bool has_ports = version >= 4;
  const RulesetAttributes attributes{
      .files = handled, .network = has_ports ? bind_port | connect_port : 0, .scoped = version >= 6 ? scopes : 0};
  const auto size = version >= 6 ? sizeof attributes : has_ports ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
  const Descriptor ruleset{static_cast<int>(::syscall(create_ruleset_call, &attributes, size, 0U))};
  if (!ruleset.is_open()) return system_failure("make Landlock's rules");
  Result<> done;
  for (const auto& path : rules.readable) {
    if (done) done = add_path(ruleset.get(), path, reading & handled);
  }
  for (const auto& path : rules.writable) {
    if (done) done = add_path(ruleset.get(), path, writing & handled);
  }
  if (done && has_ports) done = add_ports(ruleset.get(), rules.connect_ports, connect_port);
  if (done && has_ports) done = add_ports(ruleset.get(), rules.bind_ports, bind_port);
  if (!done) return failure(std::move(done.error()));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_failure("refuse new privileges");
  if (::syscall(restrict_self_call, ruleset.get(), 0U) != 0) return system_failure("apply Landlock's rules");
  return missing_from(version);
}

}  // namespace posthorn::system
