#include "system/child_process.hpp"

#include "system/descriptor.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

namespace posthorn::system {
namespace {

void close_all_but(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned first = STDERR_FILENO + 1;
  for (const int number : kept) {
    const auto next = static_cast<unsigned>(number);
    if (next > first) ::close_range(first, next - 1, 0);
    first = std::max(first, next + 1);
  }
  ::close_range(first, std::numeric_limits<unsigned>::max(), 0);
}

void detach_standard_streams() {
  const Descriptor nowhere{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (!nowhere.is_open()) return;
  ::dup2(nowhere.get(), STDIN_FILENO);
  ::dup2(nowhere.get(), STDOUT_FILENO);
}

}  // namespace

void prepare_child(const std::string& name, std::vector<int> kept) {
  close_all_but(std::move(kept));
  detach_standard_streams();
  ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

std::optional<int> wait_for_child(pid_t child, Duration limit) {
  const Descriptor watched{static_cast<int>(::syscall(SYS_pidfd_open, child, 0))};
  pollfd ended{.fd = watched.get(), .events = POLLIN, .revents = 0};
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  if (watched.is_open()) {
    uninterrupted([&] { return ::poll(&ended, 1, static_cast<int>(std::min<std::int64_t>(wait, 3'600'000))); });
  }
  int status = 0;
  const auto found = uninterrupted([&] { return ::waitpid(child, &status, WNOHANG); });
  return found == child ? std::optional{status} : std::nullopt;
}

bool is_running(pid_t process) {
  const Descriptor watched{static_cast<int>(::syscall(SYS_pidfd_open, process, 0))};
  if (!watched.is_open()) return errno != ESRCH;
  pollfd ended{.fd = watched.get(), .events = POLLIN, .revents = 0};
  return uninterrupted([&] { return ::poll(&ended, 1, 0); }) == 0;
}

}  // namespace posthorn::system
