#include "system/file_lock.hpp"

#include "system/process.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace posthorn::system {
namespace {

constexpr Duration shortest_nap = std::chrono::microseconds{100};
constexpr Duration longest_nap = std::chrono::milliseconds{20};

}  // namespace

/// The call that waits by itself has no limit, so it is asked again and again, at growing intervals.
Result<> lock_open_file(int descriptor, const std::string& path, Duration wait) {
  const struct flock whole{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
  for (Duration length = shortest_nap;; length = std::min(2 * length, longest_nap)) {
    if (::fcntl(descriptor, F_OFD_SETLK, &whole) == 0) return {};
    const bool is_held = errno == EAGAIN || errno == EACCES;
    if (!is_held || wait <= Duration{}) return system_failure("lock " + path, is_held ? EBUSY : errno);
    pause_for(std::min(length, wait));
    wait -= length;
  }
}

}  // namespace posthorn::system
