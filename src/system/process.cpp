#include "system/process.hpp"

#include "system/system_error.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

namespace posthorn::system {

Result<> refuse_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_failure("refuse new privileges");
  return {};
}

Result<> refuse_dumps() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_failure("refuse dumps");
  return {};
}

void name_process(const std::string& name) { ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0); }

Result<> die_with_parent(pid_t parent, int signal) {
  if (::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0) return system_failure("follow the parent");
  if (::getppid() != parent) std::raise(signal);
  return {};
}

void pause_for(Duration time) { std::this_thread::sleep_for(time); }

Result<std::uint64_t> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return system_failure("read the limit of descriptors");
  if (limit.rlim_cur < limit.rlim_max) {
    const auto before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return std::uint64_t{before};
  }
  return std::uint64_t{limit.rlim_cur};
}

DescriptorBudget divide_descriptors(std::uint64_t limit, std::uint64_t wanted_incoming, unsigned loops) {
  // Spool segments, body files, folders held open, sockets of the log and of the other processes; each loop has its
  // reactor, listeners and spare descriptor.
  constexpr std::uint64_t files = 96;
  constexpr std::uint64_t per_loop = 16;
  const auto taken = files + per_loop * loops;
  const auto rest = limit > taken ? limit - taken : 0;
  const auto outgoing = std::clamp<std::uint64_t>(rest / 4, 1, 10'000);
  const auto incoming = rest > outgoing ? rest - outgoing : 1;
  return {.incoming = std::clamp<std::uint64_t>(wanted_incoming, 1, incoming), .outgoing = outgoing};
}

}  // namespace posthorn::system
